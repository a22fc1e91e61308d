"""Decay in steps."""

from collections.abc import Sequence

import optax

from ae_optax._checks import check_boundaries, check_finite, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import cycles, passed
from ae_optax._types import Scalar
from ae_optax._values import power


def step_decay(init_value: Scalar, *, factor: Scalar, period: Scalar) -> optax.Schedule:
    r"""Multiply by a factor at the end of every period.

    .. math::

        \eta_t = \eta_0\, \gamma^{\lfloor t / \tau \rfloor}

    Args:
        init_value: :math:`\eta_0`, the value from step 0.
        factor: :math:`\gamma > 0`, by which the value changes.
        period: :math:`\tau > 0`, in steps. The first step with the new value is :math:`\tau`.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` is not finite, or ``factor`` or ``period`` not positive.
    """
    check_finite("init_value", init_value)
    check_positive("factor", factor)
    check_positive("period", period)

    def schedule(step):
        count, _, _ = cycles(step, period)
        return default_float(init_value) * power(factor, count)

    return schedule


def multi_step_decay(
    init_value: Scalar, *, factor: Scalar, boundaries: Sequence[Scalar]
) -> optax.Schedule:
    r"""Multiply by a factor at each of some given steps.

    .. math::

        \eta_t = \eta_0\, \gamma^{k}, \quad k = \#\{i : b_i \le t\}

    Args:
        init_value: :math:`\eta_0`, the value from step 0.
        factor: :math:`\gamma > 0`, by which the value changes.
        boundaries: :math:`0 < b_1 < b_2 < \dots`, in steps. A boundary is the first step with
            the new value, as in PyTorch and Optax; Keras changes one step later.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number, or ``boundaries`` no sequence of numbers.
        ValueError: If ``init_value`` is not finite, ``factor`` not positive, or ``boundaries``
            not positive and strictly increasing.
    """
    check_finite("init_value", init_value)
    check_positive("factor", factor)
    boundaries = check_boundaries(boundaries)

    def schedule(step):
        return default_float(init_value) * power(factor, passed(step, boundaries))

    return schedule
