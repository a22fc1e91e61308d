"""Weights of terms: numbers, or schedules of the step."""

from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._checks import check_non_negative, is_plain_number
from ae_optax._types import ScalarOrSchedule


def check_weight(name: str, weight: Any) -> None:
    """Raise unless ``weight`` is a finite number of at least zero, traced, or a schedule."""
    if not callable(weight):
        check_non_negative(name, weight)


def weight_at(weight: ScalarOrSchedule, step: jax.Array) -> jax.Array | float:
    """Return what a term counts after so many steps."""
    value: Any = weight(step) if callable(weight) else weight
    return float(value) if is_plain_number(value) else jnp.asarray(value)
