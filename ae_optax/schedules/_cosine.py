"""Half a cosine wave, once or again and again."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_at_least, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import remaining, restarts
from ae_optax._types import Scalar
from ae_optax._values import blend, half_wave, power
from ae_optax.schedules._arguments import check_range, check_shrinking


def cosine_annealing(
    max_value: Scalar, *, min_value: Scalar = 0.0, duration: Scalar
) -> optax.Schedule:
    r"""Fall along half a cosine wave, and stay.

    .. math::

        \eta_t = \eta_{\min} + \tfrac12 (\eta_{\max} - \eta_{\min})
        \left(1 + \cos \frac{\pi \min(t, T)}{T}\right)

    After :math:`T` steps the minimum is kept, as in Optax and Keras; PyTorch rises again.

    Args:
        max_value: :math:`\eta_{\max} \ge \eta_{\min}`, the value at step 0.
        min_value: :math:`\eta_{\min}`, the value from step :math:`T`.
        duration: :math:`T > 0`, in steps.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, ``max_value`` less than ``min_value``, or
            ``duration`` not positive.

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017, equation 5.
    """
    check_range(min_value, max_value)
    check_positive("duration", duration)

    def schedule(step):
        return blend(min_value, max_value, half_wave(remaining(step, duration)))

    return schedule


def cosine_warm_restarts(
    max_value: Scalar,
    *,
    min_value: Scalar = 0.0,
    period: Scalar,
    period_multiplier: Scalar = 1,
    decay: Scalar = 1.0,
) -> optax.Schedule:
    r"""Fall along half a cosine wave and jump back to its top, in cycles that may grow.

    With cycle :math:`n = 0, 1, \dots` from step :math:`t_n`, of :math:`T_n` steps,

    .. math::

        t_n &= T_0 + \dots + T_{n-1}, \quad T_n = T_0\, m^n, \quad
        h_n = \max(\eta_{\max}\, \rho^n,\, \eta_{\min}) \\
        \eta_t &= \eta_{\min} + \tfrac12 (h_n - \eta_{\min})
        \left(1 + \cos \frac{\pi (t - t_n)}{T_n}\right), \quad t_n \le t < t_{n+1}

    The restart is the step :math:`t_n` itself, which has the value :math:`h_n`; the minimum is
    approached and, at whole steps, never quite met.

    Args:
        max_value: :math:`\eta_{\max} \ge \eta_{\min}`, the top of the first cycle.
        min_value: :math:`\eta_{\min}`.
        period: :math:`T_0 > 0`, the first cycle's number of steps.
        period_multiplier: :math:`m \ge 1`, the number of steps of a cycle over that of the last.
        decay: :math:`\rho \in (0, 1]`, the top of a cycle over that of the last.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, ``max_value`` less than ``min_value``, ``period``
            not positive, ``period_multiplier`` less than 1, or ``decay`` outside (0, 1].

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.
    """
    check_range(min_value, max_value)
    check_positive("period", period)
    check_at_least("period_multiplier", period_multiplier, 1)
    check_shrinking("decay", decay)

    def schedule(step):
        count, left = restarts(step, period, period_multiplier)
        top = jnp.maximum(default_float(max_value) * power(decay, count), default_float(min_value))
        return blend(min_value, top, half_wave(left))

    return schedule
