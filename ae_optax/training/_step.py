"""One step of training."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from ae_optax.losses import Loss
from ae_optax.models import Model
from ae_optax.training._check import check_fitting
from ae_optax.training._state import TrainState, key_for

Step = Callable[[TrainState, jax.Array, jax.Array | None], tuple[TrainState, jax.Array]]


def make_step(model: Model, loss: Loss, optimizer: optax.GradientTransformation) -> Step:
    r"""Make the pure function that takes one step.

    Args:
        model: The model.
        loss: The loss; what is minimised is its mean over the images of a batch.
        optimizer: The optimizer. It is also passed the batch's loss, as ``value``, and
            ``observe=False``: what ``reduce_on_plateau`` observes is a loss over a whole set.

    Returns:
        ``step(state, images, weights) -> (state, loss)`` for images (b, height, width).
        ``weights`` (b,) of ones and zeros says which of them count; ``None``: all.

    Raises:
        ValueError: If the loss expects logits and the model squashes its output.
    """
    check_fitting(model, loss)
    optimizer = optax.with_extra_args_support(optimizer)

    def batch_loss(params, model_state, images, weights, key):
        output, model_state = model.apply(params, model_state, images, key, True)
        per_image = loss.per_image(output, images)
        if weights is None:
            return jnp.mean(per_image), model_state
        return jnp.sum(weights * per_image) / jnp.sum(weights), model_state

    def step(state, images, weights=None):
        (value, model_state), grads = jax.value_and_grad(batch_loss, has_aux=True)(
            state.params, state.model_state, images, weights, key_for(state, "step")
        )
        updates, opt_state = optimizer.update(
            grads, state.opt_state, state.params, value=value, observe=False
        )
        return TrainState(
            params=optax.apply_updates(state.params, updates),
            model_state=model_state,
            opt_state=opt_state,
            key=state.key,
            step=state.step + 1,
        ), value

    return step
