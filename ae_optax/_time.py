"""Steps, periods, cycles and durations: exact in whole numbers, sensible in all others."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._checks import is_plain_number
from ae_optax._numbers import default_float


def align(step: Any, duration: Any) -> tuple[jax.Array, jax.Array]:
    """Return both as integers if both are whole by nature, else both as floats.

    Integers keep what is exact so at every step; float32 could not tell steps apart beyond
    :math:`2^{24}`.
    """
    whole = _is_whole(step) and _is_whole(duration)
    dtype = jnp.result_type(int if whole else float)
    return _as(dtype, step), _as(dtype, duration)


def since(step: Any, begin: Any) -> jax.Array:
    """Return the steps since ``begin``, none before it."""
    step, begin = align(step, begin)
    return jnp.maximum(step - begin, 0)


def passed(step: Any, boundaries: Sequence[Any]) -> jax.Array:
    """Return how many boundaries have been passed; one counts from its own step on."""
    count = jnp.zeros(jnp.shape(step), jnp.int32)
    for boundary in boundaries:
        now, then = align(step, boundary)
        count = count + (now >= then).astype(jnp.int32)
    return count


def cycles(step: Any, period: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""Return the completed cycles :math:`\lfloor t / \tau \rfloor`, and the steps of this one.

    Of the present cycle first the steps taken, :math:`t \bmod \tau`, then those that are left.
    """
    step, period = align(step, period)
    taken = jnp.fmod(step, period)
    if jnp.issubdtype(step.dtype, jnp.integer):
        count = step // period
    else:
        # The remainder is exact, so but for rounding the quotient is a whole number.
        count = jax.lax.stop_gradient(jnp.round((step - taken) / period))
    return count, taken, period - taken


def fraction(part: Any, whole: Any) -> jax.Array:
    """Return the quotient, which is exactly one where both are equal."""
    part, whole = default_float(part), default_float(whole)
    quotient = part / whole
    # XLA turns division by a constant into multiplication by its reciprocal, and
    # 41 * (1 / 41) < 1 in float32.
    slip = jnp.where(part == whole, 1 - quotient, 0)
    return quotient + jax.lax.stop_gradient(slip)


def remaining(step: Any, duration: Any, *, begin: Any = 0) -> jax.Array:
    """Return the fraction of ``duration`` still to come: exactly 1 at ``begin``, 0 at the end.

    Taken from the steps that are left, it has no cancellation where it is small.
    """
    elapsed, duration = align(since(step, begin), duration)
    return fraction(jnp.maximum(duration - elapsed, 0), duration)


def restarts(step: Any, period: Any, multiplier: Any) -> tuple[jax.Array, jax.Array]:
    r"""Return the completed cycles and the fraction of the present one still to come.

    Cycle :math:`n` takes :math:`\tau m^n` steps and begins at

    .. math::

        t_n = \tau S_n, \quad S_n = 1 + m + \dots + m^{n-1}

    In whole numbers every :math:`t_n` is exact as long as it is below :math:`2^{24}`
    (:math:`2^{53}` in float64), and for the Python number :math:`m = 1` at every step.
    """
    if is_plain_number(multiplier) and multiplier == 1:
        count, _, left = cycles(step, period)
        return count, fraction(left, period)

    now, first, factor = (default_float(value) for value in (step, period, multiplier))
    # The logarithm may err by one cycle in either direction: begin one below, and compare.
    count = jnp.maximum(_estimate(now / first, factor) - 1, 0)
    power, total = _geometric_sum(factor, count)
    for _ in range(2):
        over = now >= first * (total + power)
        count = count + over.astype(count.dtype)
        total = jnp.where(over, total + power, total)
        power = jnp.where(over, power * factor, power)
    left = fraction(first * (total + power) - now, first * power)
    return count, jnp.clip(left, 0, 1)


def _as(dtype, value):
    # A plain number directly: on the way there int32 may not hold it.
    return jnp.asarray(value, dtype) if is_plain_number(value) else jnp.asarray(value).astype(dtype)


def _is_whole(value):
    if is_plain_number(value):
        # A period beyond int32 is as good as endless.
        return float(value).is_integer() and abs(value) <= np.iinfo(np.int32).max
    return jnp.issubdtype(jnp.result_type(value), jnp.integer)


def _estimate(periods, factor):
    """Return the completed cycles after so many first periods, from the sum's closed form."""
    growth = factor - 1
    even = growth == 0
    safe = jnp.where(even, 1, growth)
    count = jnp.where(even, periods, jnp.log1p(periods * safe) / jnp.log1p(safe))
    # The largest float32 that is an int32.
    count = jnp.minimum(jnp.floor(jax.lax.stop_gradient(count)), 2**31 - 128)
    return count.astype(jnp.int32)


@jax.jit  # Two hundred scalar operations: one program even where the caller compiles nothing.
def _geometric_sum(factor, count):
    """Return the power m^n and the sum S_n, digit by digit of n.

    Products of whole numbers are exact, which a power function does not promise; and a
    polynomial has no pole at m = 1, unlike the closed form of the sum.
    """
    power = jnp.ones(jnp.broadcast_shapes(factor.shape, count.shape), factor.dtype)
    total = jnp.zeros_like(power)
    for bit in reversed(range(31)):
        power, total = power * power, total + power * total
        odd = (count >> bit) & 1 == 1
        power, total = jnp.where(odd, power * factor, power), jnp.where(odd, total + power, total)
    return power, total
