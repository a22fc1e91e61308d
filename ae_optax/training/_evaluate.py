"""The loss over a whole set of images."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax.losses import Loss
from ae_optax.models import Model
from ae_optax.training._epoch import steps_per_epoch

EVALUATION_BATCH = 1000


def make_evaluate(
    model: Model, loss: Loss, batch_size: int = EVALUATION_BATCH
) -> Callable[[Any, Any, jax.Array], jax.Array]:
    """Make the pure function that averages the loss over a set.

    Args:
        model: The model, applied with ``train=False``.
        loss: The loss.
        batch_size: Images at a time; bounds the memory.

    Returns:
        ``evaluate(params, model_state, images) -> loss``, a scalar; NaN for an empty set. To be
        compiled by the caller.
    """

    def evaluate(params, model_state, images):
        n = images.shape[0]
        if n == 0:
            return jnp.asarray(jnp.nan, images.dtype)
        size = min(batch_size, n)
        steps = steps_per_epoch(n, size)
        indices = jnp.minimum(jnp.arange(steps * size), n - 1).reshape(steps, size)
        present = (jnp.arange(steps * size) < n).reshape(steps, size)

        def body(total, batch):
            where, weights = batch
            target = images[where]
            output, _ = model.apply(params, model_state, target, jax.random.key(0), False)
            per_image = loss.per_image(output, target)
            return total + jnp.sum(jnp.where(weights, per_image, 0)), None

        total, _ = jax.lax.scan(body, jnp.zeros([], images.dtype), (indices, present))
        return total / n

    return evaluate


def make_reconstruct(model: Model, loss: Loss) -> Callable[[Any, Any, jax.Array], jax.Array]:
    """Make the pure function that shows what a model makes of images.

    Args:
        model: The model, applied with ``train=False``.
        loss: The loss, which knows how to read the model's output as pixels.

    Returns:
        ``reconstruct(params, model_state, images) -> (n, height, width)`` in [0, 1]. To be
        compiled by the caller.
    """

    def reconstruct(params, model_state, images):
        output, _ = model.apply(params, model_state, images, jax.random.key(0), False)
        return loss.reconstruct(output)

    return reconstruct
