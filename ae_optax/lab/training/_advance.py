"""The one compiled call that the host's loop makes, again and again."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_optax.lab.training._epoch import Segment, steps_per_epoch
from ae_optax.lab.training._images import Images
from ae_optax.lab.training._measure import Close, Numbers
from ae_optax.lab.training._state import TrainState

Advance = Callable[[TrainState, Images, jax.Array | int], tuple[TrainState, Numbers]]


def make_advance(segment: Segment, close: Close, batch_size: int) -> Advance:
    """Make the pure function that trains to a step, and closes the epoch if that is its end.

    Args:
        segment: From :func:`make_segment`.
        close: From ``make_close``.
        batch_size: Images a step.

    Returns:
        ``advance(state, images, stop) -> (state, numbers)``; the numbers are NaN where no epoch
        ends. To be compiled by the caller, who may donate the state.
    """

    def advance(state, images, stop):
        steps = steps_per_epoch(images.train.shape[0], batch_size)
        end = state.step - state.step % steps + steps
        state = segment(state, images.train, stop)
        _, shapes = jax.eval_shape(close, state, images)

        def go_on(state, images):
            del images
            return state, jax.tree.map(lambda x: jnp.full(x.shape, jnp.nan, x.dtype), shapes)

        return jax.lax.cond(state.step == end, close, go_on, state, images)

    return advance
