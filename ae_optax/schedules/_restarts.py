"""Cycles, each longer than the last by one factor, found without an error at their bounds."""

from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._checks import is_plain_number
from ae_optax._numbers import default_float
from ae_optax.schedules._time import cycles, fraction


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
