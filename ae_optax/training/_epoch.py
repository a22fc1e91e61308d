"""One epoch: a scan over batches of images that live on the device."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_optax.training._state import TrainState, key_for
from ae_optax.training._step import Step

Epoch = Callable[[TrainState, jax.Array], tuple[TrainState, jax.Array]]


def steps_per_epoch(n_images: int, batch_size: int) -> int:
    """Return how many batches an epoch has, the last and perhaps smaller one included."""
    return math.ceil(n_images / batch_size)


def make_epoch(step: Step, batch_size: int) -> Epoch:
    """Make the pure function that trains for one pass over the images.

    Every epoch has its own order of the images, a function of the run's key and the step. The
    last batch holds what is left: the places that stay empty in it weigh nothing.

    Args:
        step: From :func:`make_step`.
        batch_size: Images a step, at least 1.

    Returns:
        ``epoch(state, images) -> (state, loss)`` with the loss averaged over all images, each at
        the step that saw it. To be compiled by the caller.
    """

    def epoch(state, images):
        n = images.shape[0]
        steps = steps_per_epoch(n, batch_size)
        order = jax.random.permutation(key_for(state, "order"), n)
        padded = jnp.pad(order, (0, steps * batch_size - n)).reshape(steps, batch_size)
        present = (jnp.arange(steps * batch_size) < n).reshape(steps, batch_size)
        full = n % batch_size == 0

        def body(state, batch):
            indices, here = batch
            weights = here.astype(images.dtype)
            state, value = step(state, images[indices], None if full else weights)
            return state, (value, jnp.sum(weights).astype(value.dtype))

        state, (values, sizes) = jax.lax.scan(body, state, (padded, present))
        return state, jnp.sum(values * sizes) / jnp.sum(sizes)

    return epoch
