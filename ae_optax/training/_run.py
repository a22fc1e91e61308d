"""A whole run as one function of its learning rate and seed, for comparisons."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax.losses import Loss
from ae_optax.models import Model
from ae_optax.training._check import check_observable
from ae_optax.training._epoch import make_epoch
from ae_optax.training._evaluate import make_evaluate, make_reconstruct
from ae_optax.training._settings import Settings
from ae_optax.training._state import init_state
from ae_optax.training._step import make_step
from ae_optax.transforms import observe


class RunResult(NamedTuple):
    """What a run gives back.

    Attributes:
        train_loss: Mean over each epoch; shape (epochs,).
        validation_loss: Before training and after each epoch; shape (epochs + 1,).
        test_loss: Likewise.
        reconstructions: Of the images shown, by the last parameters; shape (k, height, width).
    """

    train_loss: jax.Array
    validation_loss: jax.Array
    test_loss: jax.Array
    reconstructions: jax.Array


class Images(NamedTuple):
    """Images on the device.

    Attributes:
        train: Trained on; shape (n, height, width), as the others.
        validation: For the choice of a learning rate.
        test: For the report.
        shown: Reconstructed in the report.
    """

    train: jax.Array
    validation: jax.Array
    test: jax.Array
    shown: jax.Array


def make_run(
    model: Model,
    loss: Loss,
    make_optimizer: Callable[[jax.Array], optax.GradientTransformation],
    settings: Settings,
) -> Callable[[jax.Array, jax.Array, Images], RunResult]:
    """Make the pure function that trains from scratch and measures after every epoch.

    Args:
        model: The model.
        loss: The loss.
        make_optimizer: Makes the optimizer from the swept value, which is traced.
        settings: Epochs and batch size; the seed is an argument of the run.

    Returns:
        ``run(value, seed, images) -> RunResult``. Compiled once, it serves every value and seed.
        It tells the optimizer the validation loss after every epoch, which ``reduce_on_plateau``
        observes, and raises ``DataError`` if there are no images for that.
    """
    evaluate = make_evaluate(model, loss)
    reconstruct = make_reconstruct(model, loss)

    def run(value, seed, images):
        optimizer = make_optimizer(value)
        epoch = make_epoch(make_step(model, loss, optimizer), settings.batch_size)

        def losses(state):
            parts = (images.validation, images.test)
            return tuple(evaluate(state.params, state.model_state, part) for part in parts)

        def body(state, _):
            state, train_loss = epoch(state, images.train)
            validation_loss, test_loss = losses(state)
            state = state._replace(opt_state=observe(state.opt_state, validation_loss))
            return state, (train_loss, (validation_loss, test_loss))

        state = init_state(model, optimizer, images.train, seed)
        check_observable(state.opt_state, images.validation.shape[0])
        untrained = losses(state)
        state, (train_loss, trained) = jax.lax.scan(body, state, length=settings.epochs)
        validation_loss, test_loss = (
            jnp.concatenate([first[None], rest])
            for first, rest in zip(untrained, trained, strict=True)
        )
        shown = reconstruct(state.params, state.model_state, images.shown)
        return RunResult(train_loss, validation_loss, test_loss, shown)

    return run
