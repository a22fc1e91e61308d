"""Epochs and parts of epochs: a loop over batches of images that live on the device."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_optax.lab.training._state import TrainState, key_for
from ae_optax.lab.training._step import Step

Segment = Callable[[TrainState, jax.Array, jax.Array | int], TrainState]
Epoch = Callable[[TrainState, jax.Array], tuple[TrainState, jax.Array]]


def steps_per_epoch(n_images: int, batch_size: int) -> int:
    """Return how many batches an epoch has, the last and perhaps smaller one included."""
    return math.ceil(n_images / batch_size)


def make_segment(step: Step, batch_size: int) -> Segment:
    """Make the pure function that trains for a part of an epoch.

    Every epoch has its own order of the images, a function of the run's key and the epoch's first
    step. The last batch holds what is left: the places that stay empty in it weigh nothing. One
    compiled program serves every part, so an epoch in one part and in many gives the same bits.

    Args:
        step: From :func:`make_step`.
        batch_size: Images a step, at least 1.

    Returns:
        ``segment(state, images, stop) -> state``: trains until ``stop`` steps are done, which must
        lie in the epoch of ``state.step`` or be its end; ends before if a step is not taken. To be
        compiled by the caller.
    """

    def segment(state, images, stop):
        n = images.shape[0]
        steps = steps_per_epoch(n, batch_size)
        first = state.step - state.step % steps
        order = jax.random.permutation(key_for(state._replace(step=first), "order"), n)
        padded = jnp.pad(order, (0, steps * batch_size - n)).reshape(steps, batch_size)
        present = (jnp.arange(steps * batch_size) < n).reshape(steps, batch_size)
        full = n % batch_size == 0

        def body(state):
            position = state.step - first
            weights = None if full else present[position].astype(images.dtype)
            size = batch_size if weights is None else jnp.sum(weights)
            state, value = step(state, images[padded[position]], weights)
            return state._replace(loss_sum=state.loss_sum + (value * size).astype(jnp.float32))

        begun = state.step > first
        state = state._replace(loss_sum=jnp.where(begun, state.loss_sum, 0))
        # A step that stays where it is has met something that is not finite, and ends the loop.
        ahead, _ = jax.lax.while_loop(
            lambda carry: (carry[0].step < stop) & (carry[0].step == carry[1]),
            lambda carry: (body(carry[0]), carry[0].step + 1),
            (state, state.step),
        )
        return ahead

    return segment


def make_epoch(step: Step, batch_size: int) -> Epoch:
    """Make the pure function that trains to the end of the epoch, as a rule for all of one.

    Args:
        step: From :func:`make_step`.
        batch_size: Images a step, at least 1.

    Returns:
        ``epoch(state, images) -> (state, loss)`` with the loss averaged over all images, each at
        the step that saw it. To be compiled by the caller.
    """
    segment = make_segment(step, batch_size)

    def epoch(state, images):
        steps = steps_per_epoch(images.shape[0], batch_size)
        state = segment(state, images, state.step - state.step % steps + steps)
        return state, state.loss_sum / images.shape[0]

    return epoch
