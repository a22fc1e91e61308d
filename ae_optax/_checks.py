"""Checks of arguments, made once, when a function is called.

Numbers are checked, arrays of one number too; traced values pass, so that every numeric argument
can be swept inside one compiled program.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, get_args

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

MOST_SHOWN = 200


def is_plain_number(value: Any) -> bool:
    """Tell whether ``value`` is a Python or NumPy number, and no boolean."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def known(value: Any) -> float | None:
    """Return the number that ``value`` is, or ``None`` while it is traced.

    An array is waited for, which happens once, when a transformation is made.
    """
    if is_plain_number(value):
        return float(value)
    if isinstance(value, jax.core.Tracer):
        return None
    # An array that is spread over several hosts has no value on one of them.
    whole = not isinstance(value, jax.Array) or value.is_fully_addressable
    return float(value) if whole else None


def shown(value: Any) -> str:
    """Return how a value is printed in a message: in one line, which an array's rows are not."""
    text = " ".join(line.strip() for line in repr(value).splitlines())
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def check_number(name: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is a real number or a scalar array of one."""
    if not (is_plain_number(value) or _is_real_scalar(value)):
        raise TypeError(f"`{name}` must be a number, got {shown(value)}.")


def check_rule(name: str, value: Any, rule: str, holds: Callable[[float], bool]) -> None:
    """Raise ``TypeError`` unless ``value`` is a number, ``ValueError`` unless the rule holds.

    Args:
        name: Of the argument.
        value: What was given for it; while it is traced nothing is known, and it passes.
        rule: What it must do: "lie in [0, 1)".
        holds: Tells whether a number does.
    """
    check_number(name, value)
    number = known(value)
    if number is not None and not holds(number):
        raise ValueError(f"`{name}` must {rule}, got {shown(value)}.")


def check_positive(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and strictly positive."""
    check_rule(name, value, "be positive and finite", lambda v: 0 < v < np.inf)


def check_non_negative(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and at least zero."""
    check_rule(name, value, "be at least 0 and finite", lambda v: 0 <= v < np.inf)


def check_finite(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is finite."""
    check_rule(name, value, "be finite", lambda v: bool(np.isfinite(v)))


def check_in_unit_interval(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in [0, 1)."""
    check_rule(name, value, "lie in [0, 1)", lambda v: 0 <= v < 1)


def check_at_least(name: str, value: Any, minimum: float) -> None:
    """Raise ``ValueError`` unless ``value`` is finite and at least ``minimum``."""
    check_rule(name, value, f"be at least {minimum:g} and finite", lambda v: minimum <= v < np.inf)


def check_whole(name: str, value: Any, minimum: int) -> None:
    """Raise ``ValueError`` unless ``value`` is whole and at least ``minimum``; it may be traced."""
    check_rule(
        name,
        value,
        f"be a whole number of at least {minimum}",
        lambda v: minimum <= v and v.is_integer(),
    )


def check_integer(name: str, value: Any, minimum: int | None = None) -> None:
    """Raise unless ``value`` is an integer, at least ``minimum``; it shapes the program."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, got {shown(value)}.")
    if minimum is not None and value < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}, got {shown(value)}.")


def check_positive_integer(name: str, value: Any) -> None:
    """Raise unless ``value`` is an integer of at least 1; it shapes the program."""
    check_integer(name, value, 1)


def check_seed(name: str, value: Any) -> None:
    """Raise unless ``value`` is an integer in [0, 2³¹), what every generator here keeps whole."""
    check_integer(name, value)
    if not 0 <= value < 2**31:
        raise ValueError(f"`{name}` must lie in [0, {2**31}), got {shown(value)}.")


def check_one_of(name: str, value: Any, choices: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``: words, or a ``Literal``."""
    words = get_args(choices) or tuple(choices)
    if value not in words:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(str, words))}, got {shown(value)}."
        )


def check_have_height_and_width(what: str, ndim: int) -> None:
    """Raise ``ValueError`` unless arrays (n, ...) of ``ndim`` axes are images, and no vectors."""
    if ndim not in (3, 4):
        raise ValueError(
            f"{what} is of images (n, height, width) or (n, height, width, channels), got "
            f"arrays of {ndim} axes: vectors have no height and width."
        )


def check_learning_rate(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite rate of at least zero, traced, or a schedule."""
    if not callable(value):
        check_non_negative(name, value)


def rate_at(learning_rate: Any, step: Any, *, name: str = "learning_rate") -> Any:
    """Return a learning rate at a step: itself, or what the schedule that it is makes of the step.

    Raises:
        TypeError: If a schedule makes no single number: an array would change the updates' shapes.
    """
    if not callable(learning_rate):
        return learning_rate
    rate = learning_rate(step)
    if not (is_plain_number(rate) or _is_real_scalar(rate)):
        raise TypeError(f"`{name}` must be a number at every step, got {shown(rate)}.")
    return rate


def check_boundaries(boundaries: Sequence[Any]) -> tuple[Any, ...]:
    """Return ``boundaries`` as a tuple; raise unless positive and strictly increasing."""
    if isinstance(boundaries, str | bytes) or not isinstance(
        boundaries, Sequence | np.ndarray | jax.Array
    ):
        raise TypeError(f"`boundaries` must be a sequence of numbers, got {shown(boundaries)}.")
    steps = tuple(boundaries)
    for k, step in enumerate(steps):
        check_positive(f"boundaries[{k}]", step)
    numbers = [number for number in map(known, steps) if number is not None]
    if any(right <= left for left, right in pairwise(numbers)):
        raise ValueError(f"`boundaries` must be strictly increasing, got {shown(boundaries)}.")
    return steps


def check_params_given(params: object) -> None:
    """Raise ``ValueError`` if ``params`` is missing from a call of ``update``."""
    if params is None:
        raise ValueError(
            "`params` must be given to `update`: this transformation reads the parameters. "
            "Call `tx.update(grads, state, params)`."
        )


def _is_real_scalar(value):
    if not isinstance(value, jax.Array | np.ndarray | np.generic) or value.shape:
        return False
    return jnp.issubdtype(value.dtype, jnp.integer) or jnp.issubdtype(value.dtype, jnp.floating)
