"""Checks that only schedules need."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from ae_optax._checks import check_finite, check_number, check_positive, is_plain_number


def check_range(min_value: Any, max_value: Any) -> None:
    """Raise ``ValueError`` unless both are finite and ``min_value`` is not the larger one."""
    check_finite("min_value", min_value)
    check_finite("max_value", max_value)
    if is_plain_number(min_value) and is_plain_number(max_value) and min_value > max_value:
        raise ValueError(
            f"`max_value` must be at least `min_value`, got {max_value!r} and {min_value!r}."
        )


def check_shrinking(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in (0, 1]."""
    check_number(name, value)
    if is_plain_number(value) and not 0 < value <= 1:
        raise ValueError(f"`{name}` must lie in (0, 1], got {value!r}.")


def check_inside_unit_interval(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in (0, 1)."""
    check_number(name, value)
    if is_plain_number(value) and not 0 < value < 1:
        raise ValueError(f"`{name}` must lie in (0, 1), got {value!r}.")


def check_boundaries(boundaries: Sequence[Any]) -> tuple[Any, ...]:
    """Return ``boundaries`` as a tuple; raise unless positive and strictly increasing."""
    if isinstance(boundaries, str | bytes) or not isinstance(
        boundaries, Sequence | np.ndarray | jax.Array
    ):
        raise TypeError(f"`boundaries` must be a sequence of numbers, got {boundaries!r}.")
    steps = tuple(boundaries)
    for k, step in enumerate(steps):
        check_positive(f"boundaries[{k}]", step)
    plain = [step for step in steps if is_plain_number(step)]
    if any(right <= left for left, right in pairwise(plain)):
        raise ValueError(f"`boundaries` must be strictly increasing, got {boundaries!r}.")
    return steps


def check_schedule(name: str, schedule: Any) -> None:
    """Raise ``TypeError`` unless ``schedule`` can be called."""
    if not callable(schedule):
        raise TypeError(
            f"`{name}` must be a function of the step, got {schedule!r}. "
            "Make a number one with `constant`."
        )
