"""Cosine annealing, with and without warm restarts."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_at_least, check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._types import Scalar
from ae_optax.schedules._decay import progress


def cosine_annealing(
    max_value: Scalar, *, min_value: Scalar = 0.0, duration: Scalar
) -> optax.Schedule:
    r"""Fall along half a cosine, and stay.

    .. math::

        \eta(t) = \eta_{\min} + \tfrac12 (\eta_{\max} - \eta_{\min})
            \left(1 + \cos\frac{\pi \min(t, T)}{T}\right)

    PyTorch's namesake rises again after :math:`T`.

    Args:
        max_value: :math:`\eta_{\max} \ge 0`, at step 0.
        min_value: :math:`\eta_{\min} \ge 0`, from step :math:`T` on.
        duration: :math:`T > 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is negative or ``duration`` not positive.
        TypeError: If an argument is not a number.

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.
    """
    check_non_negative("max_value", max_value)
    check_non_negative("min_value", min_value)
    check_positive("duration", duration)

    def schedule(step):
        return _half_cosine(max_value, min_value, progress(step, 0, duration))

    return schedule


def cosine_warm_restarts(
    max_value: Scalar,
    *,
    min_value: Scalar = 0.0,
    period: Scalar,
    period_multiplier: Scalar = 1,
    factor: Scalar = 1.0,
) -> optax.Schedule:
    r"""Fall along half a cosine, jump back, and fall again, each time for longer.

    Cycle :math:`i = 0, 1, \dots` begins at :math:`s_i = T_0 + T_0 m + \dots + T_0 m^{i-1}` and
    lasts :math:`T_i = T_0\, m^i` steps. In it

    .. math::

        \eta(t) = \eta_{\min} + \tfrac12 (\gamma^i\, \eta_{\max} - \eta_{\min})
            \left(1 + \cos\frac{\pi (t - s_i)}{T_i}\right)

    Args:
        max_value: :math:`\eta_{\max} \ge 0`.
        min_value: :math:`\eta_{\min} \ge 0`.
        period: :math:`T_0 > 0`, in steps.
        period_multiplier: :math:`m \ge 1`.
        factor: :math:`\gamma > 0`, by which the maximum changes at each restart.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is negative, ``period`` or ``factor`` not positive or
            ``period_multiplier`` below 1.
        TypeError: If an argument is not a number.

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.
    """
    check_non_negative("max_value", max_value)
    check_non_negative("min_value", min_value)
    check_positive("period", period)
    check_at_least("period_multiplier", period_multiplier, 1)
    check_positive("factor", factor)

    def schedule(step):
        cycle, share = _cycle(default_float(step), default_float(period), period_multiplier)
        top = default_float(max_value) * default_float(factor) ** cycle
        return _half_cosine(top, min_value, share)

    return schedule


def _half_cosine(high, low, share):
    high, low = default_float(high), default_float(low)
    return low + 0.5 * (high - low) * (1 + jnp.cos(jnp.pi * share))


def _cycle(t, period, multiplier):
    """Return the cycle of step ``t``, counted from 0, and the share of it that has passed."""
    m = default_float(multiplier)
    growing = m > 1
    # Cycles of equal length in the one branch, a growing series in the other; each is fed safe
    # numbers where it is not taken, or its gradient would be NaN.
    safe = jnp.where(growing, m, 2)

    def length(i):
        power = safe**i
        # A whole power of a whole number is whole, but not by logarithms.
        return period * jnp.where(safe == jnp.round(safe), jnp.round(power), power)

    def begin(i):
        return (length(i) - period) / (safe - 1)

    guess = jnp.floor(jnp.log1p(t / period * (safe - 1)) / jnp.log(safe))
    # The logarithm may be off by one near a restart; the sums are exact there.
    guess = guess + jnp.where(begin(guess + 1) <= t, 1, 0) - jnp.where(begin(guess) > t, 1, 0)
    equal = jnp.floor(t / period)
    cycle = jnp.where(growing, guess, equal)
    start = jnp.where(growing, begin(guess), equal * period)
    return cycle, (t - start) / jnp.where(growing, length(guess), period)
