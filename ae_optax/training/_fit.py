"""A whole training run: compiled epochs, and a loop on the host that only logs."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import optax

from ae_optax.data import Dataset
from ae_optax.losses import Loss
from ae_optax.models import Model
from ae_optax.observing import learning_rate_in_force, plateau_scale
from ae_optax.training._check import check_observable, check_trainable
from ae_optax.training._epoch import make_epoch, steps_per_epoch
from ae_optax.training._evaluate import make_evaluate
from ae_optax.training._settings import Settings
from ae_optax.training._state import TrainState, init_state
from ae_optax.training._step import make_step
from ae_optax.transforms import observe


class EpochRow(NamedTuple):
    """What is recorded of one epoch.

    Attributes:
        epoch: Counted from 1.
        step: Steps done.
        train_loss: Mean over the epoch, each image at the step that saw it.
        validation_loss: After the epoch; NaN without validation images.
        test_loss: After the epoch.
        learning_rate: Of the epoch's last step, times what ``reduce_on_plateau`` leaves of it; NaN
            if the optimizer's state shows none, or several.
        plateau_scale: What ``reduce_on_plateau`` leaves of the rate; 1 without.
        seconds: Spent on the epoch and its evaluation, compilation excluded.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float
    test_loss: float
    learning_rate: float
    plateau_scale: float
    seconds: float


class FitResult(NamedTuple):
    """What a training run leaves behind.

    Attributes:
        state: The last state.
        rows: One row for each epoch done.
        diverged: Whether a loss stopped being finite, which ends the run early.
        compile_seconds: Spent on compilation.
    """

    state: TrainState
    rows: list[EpochRow]
    diverged: bool
    compile_seconds: float


def fit(
    model: Model,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    data: Dataset,
    settings: Settings | None = None,
    *,
    on_epoch: Callable[[EpochRow], None] = lambda _: None,
) -> FitResult:
    """Train a model, one compiled call an epoch.

    After every epoch the optimizer is told the validation loss, which ``reduce_on_plateau``
    observes. The same arguments give the same bits on the same machine.

    Args:
        model: The model.
        loss: The loss.
        optimizer: Any Optax transformation.
        data: Images; they are moved to the device once.
        settings: Epochs, batch size and seed; ``None`` for the defaults.
        on_epoch: Called with each row as soon as it is known.

    Returns:
        The last state and a row for each epoch.

    Raises:
        DataError: If the training images are not finite, or fewer than a batch, or if
            ``reduce_on_plateau`` has no validation images to observe.
    """
    settings = settings or Settings()
    check_trainable(data, settings.batch_size)
    train, validation, test = (
        jax.device_put(images) for images in (data.train, data.validation, data.test)
    )
    epoch = make_epoch(make_step(model, loss, optimizer), settings.batch_size)
    evaluate = make_evaluate(model, loss)

    def epoch_and_losses(state, train, validation, test):
        state, train_loss = epoch(state, train)
        losses = [
            evaluate(state.params, state.model_state, images) for images in (validation, test)
        ]
        rate = learning_rate_in_force(state.opt_state)
        scale = plateau_scale(state.opt_state)
        state = state._replace(opt_state=observe(state.opt_state, losses[0]))
        return state, (train_loss, *losses, rate, scale)

    started = time.perf_counter()
    state = jax.jit(lambda images: init_state(model, optimizer, images, settings.seed))(train)
    check_observable(state.opt_state, validation.shape[0])
    compiled = (
        jax.jit(epoch_and_losses, donate_argnums=0).lower(state, train, validation, test).compile()
    )
    compile_seconds = time.perf_counter() - started

    rows: list[EpochRow] = []
    steps = steps_per_epoch(train.shape[0], settings.batch_size)
    for number in range(1, settings.epochs + 1):
        started = time.perf_counter()
        state, numbers = compiled(state, train, validation, test)
        train_loss, validation_loss, test_loss, rate, scale = map(float, jax.device_get(numbers))
        rows.append(
            EpochRow(
                epoch=number,
                step=number * steps,
                train_loss=train_loss,
                validation_loss=validation_loss,
                test_loss=test_loss,
                learning_rate=rate,
                plateau_scale=scale,
                seconds=time.perf_counter() - started,
            )
        )
        on_epoch(rows[-1])
        if not (abs(train_loss) < float("inf") and abs(test_loss) < float("inf")):
            return FitResult(state, rows, diverged=True, compile_seconds=compile_seconds)
    return FitResult(state, rows, diverged=False, compile_seconds=compile_seconds)
