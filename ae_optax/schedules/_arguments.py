"""Checks that only schedules need."""

from typing import Any

from ae_optax._checks import check_finite, check_rule, known, shown


def check_range(min_value: Any, max_value: Any) -> None:
    """Raise ``ValueError`` unless both are finite and ``min_value`` is not the larger one."""
    check_finite("min_value", min_value)
    check_finite("max_value", max_value)
    low, high = known(min_value), known(max_value)
    if low is not None and high is not None and low > high:
        raise ValueError(
            f"`max_value` must be at least `min_value`, got {max_value!r} and {min_value!r}."
        )


def check_shrinking(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in (0, 1]."""
    check_rule(name, value, "lie in (0, 1]", lambda v: 0 < v <= 1)


def check_inside_unit_interval(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in (0, 1)."""
    check_rule(name, value, "lie in (0, 1)", lambda v: 0 < v < 1)


def check_schedule(name: str, schedule: Any) -> None:
    """Raise ``TypeError`` unless ``schedule`` can be called."""
    if not callable(schedule):
        raise TypeError(
            f"`{name}` must be a function of the step, got {shown(schedule)}. "
            "Make a number one with `constant`."
        )
