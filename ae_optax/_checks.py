"""Checks of arguments, made once, when a function is called.

Plain numbers are checked; traced values pass, so that every numeric argument can be
swept inside one compiled program.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_plain_number(value: Any) -> bool:
    """Tell whether ``value`` is a Python or NumPy number, and no boolean."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_number(name: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is a real number or a scalar array of one."""
    if not (is_plain_number(value) or _is_real_scalar(value)):
        raise TypeError(f"`{name}` must be a number, got {value!r}.")


def check_positive(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and strictly positive."""
    _check(name, value, "be positive and finite", lambda v: 0 < v < np.inf)


def check_non_negative(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and at least zero."""
    _check(name, value, "be at least 0 and finite", lambda v: 0 <= v < np.inf)


def check_finite(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite."""
    _check(name, value, "be finite", lambda v: bool(np.isfinite(v)))


def check_in_unit_interval(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in [0, 1)."""
    _check(name, value, "lie in [0, 1)", lambda v: 0 <= v < 1)


def check_at_least(name: str, value: Any, minimum: float) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and at least ``minimum``."""
    _check(name, value, f"be at least {minimum:g} and finite", lambda v: minimum <= v < np.inf)


def check_positive_integer(name: str, value: Any) -> None:
    """Raise unless ``value`` is an integer of at least 1; it shapes the program."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, got {value!r}.")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value!r}.")


def check_learning_rate(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite rate of at least zero, traced, or a schedule."""
    if not callable(value):
        check_non_negative(name, value)


def _is_real_scalar(value):
    if not isinstance(value, jax.Array | np.ndarray | np.generic) or value.shape:
        return False
    return jnp.issubdtype(value.dtype, jnp.integer) or jnp.issubdtype(value.dtype, jnp.floating)


def _check(name, value, rule, holds):
    check_number(name, value)
    if is_plain_number(value) and not holds(value):
        raise ValueError(f"`{name}` must {rule}, got {value!r}.")
