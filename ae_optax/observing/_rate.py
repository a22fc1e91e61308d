"""The learning rate that is in force, all things considered."""

import math
from typing import Any

import jax

from ae_optax._numbers import default_float
from ae_optax._trees import states_of
from ae_optax.observing._read import read
from ae_optax.transforms import (
    ReduceOnPlateauState,
    ScaleByLearningRateState,
    ScheduleFreeState,
)


def learning_rate_in_force(state: Any) -> jax.Array:
    """Return the learning rate used last, times the scale of every plateau.

    Args:
        state: The state of an optimizer, however nested.

    Returns:
        A scalar of the default float dtype; NaN if the state holds no learning rate, or several.
        Before the first step it is the rate to be used first.
    """
    rate = find_learning_rate(state)
    return default_float(math.nan) if rate is None else rate


def find_learning_rate(state: Any) -> jax.Array | None:
    """Return :func:`learning_rate_in_force`, or ``None`` where that is not a number."""
    own = [
        s for kind in (ScaleByLearningRateState, ScheduleFreeState) for s in states_of(state, kind)
    ]
    try:
        # What is not ours is found where `optax.inject_hyperparams` keeps it.
        rate = read(own, "last_rate") if own else read(state, "learning_rate")
    except ValueError:
        return None
    return default_float(rate) * plateau_scale(state)


def plateau_scale(state: Any) -> jax.Array:
    """Return what every ``reduce_on_plateau`` leaves of an update, multiplied; 1 without.

    Args:
        state: The state of an optimizer, however nested.

    Returns:
        A scalar of the default float dtype.
    """
    scale = default_float(1.0)
    for plateau in states_of(state, ReduceOnPlateauState):
        scale = scale * plateau.scale.astype(scale.dtype)
    return scale
