"""Decay, or growth, to an end that is reached."""

import optax

from ae_optax import _numbers as numbers
from ae_optax._checks import check_finite, check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import remaining
from ae_optax._types import Scalar
from ae_optax._values import blend


def linear(
    init_value: Scalar, *, end_value: Scalar, duration: Scalar, begin: Scalar = 0
) -> optax.Schedule:
    r"""Go from one value to another in a straight line, and stay.

    .. math::

        \eta_t = \eta_T + (\eta_0 - \eta_T)\, x_t, \quad
        x_t = 1 - \operatorname{clip}\left(\frac{t - b}{T}, 0, 1\right)

    Args:
        init_value: :math:`\eta_0`, the value up to step :math:`b`.
        end_value: :math:`\eta_T`, the value from step :math:`b + T`; it may be the larger one.
        duration: :math:`T > 0`, in steps.
        begin: :math:`b \ge 0`, in steps.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` or ``end_value`` is not finite, ``duration`` not positive
            or ``begin`` negative.
    """
    check_finite("init_value", init_value)
    check_finite("end_value", end_value)
    check_positive("duration", duration)
    check_non_negative("begin", begin)

    def schedule(step):
        return blend(end_value, init_value, remaining(step, duration, begin=begin))

    return schedule


def polynomial_decay(
    init_value: Scalar,
    *,
    end_value: Scalar,
    power: Scalar,
    duration: Scalar,
    begin: Scalar = 0,
) -> optax.Schedule:
    r"""Go from one value to another along a power of the time that remains, and stay.

    .. math::

        \eta_t = \eta_T + (\eta_0 - \eta_T)\, x_t^p, \quad
        x_t = 1 - \operatorname{clip}\left(\frac{t - b}{T}, 0, 1\right)

    Args:
        init_value: :math:`\eta_0`, the value up to step :math:`b`.
        end_value: :math:`\eta_T`, the value from step :math:`b + T`; it may be the larger one.
        power: :math:`p > 0`; above one the change is fast first, below one fast last.
        duration: :math:`T > 0`, in steps.
        begin: :math:`b \ge 0`, in steps.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` or ``end_value`` is not finite, ``power`` or ``duration``
            not positive or ``begin`` negative.
    """
    check_finite("init_value", init_value)
    check_finite("end_value", end_value)
    check_positive("power", power)
    check_positive("duration", duration)
    check_non_negative("begin", begin)

    def schedule(step):
        left = remaining(step, duration, begin=begin)
        return blend(end_value, init_value, numbers.power(left, default_float(power)))

    return schedule
