"""Triangular cycles, after Smith."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive
from ae_optax._time import cycles, fraction
from ae_optax._types import Scalar
from ae_optax._values import blend, power
from ae_optax.schedules._arguments import check_range, check_shrinking


def triangular(min_value: Scalar, max_value: Scalar, *, half_period: Scalar) -> optax.Schedule:
    r"""Go up and down in straight lines, for ever.

    .. math::

        c_t &= \left\lfloor 1 + \frac{t}{2 \mu} \right\rfloor, \quad
        x_t = \left\lvert \frac{t}{\mu} - 2 c_t + 1 \right\rvert \\
        \eta_t &= \eta_{\min} + (\eta_{\max} - \eta_{\min}) \max(0, 1 - x_t)

    The maximum is met at odd multiples of :math:`\mu`, the minimum at even ones, step 0 first.

    Args:
        min_value: :math:`\eta_{\min}`.
        max_value: :math:`\eta_{\max} \ge \eta_{\min}`.
        half_period: :math:`\mu > 0`, in steps; a cycle takes :math:`2 \mu`.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, ``max_value`` less than ``min_value``, or
            ``half_period`` not positive.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    check_range(min_value, max_value)
    check_positive("half_period", half_period)

    def schedule(step):
        _, height = _wave(step, half_period)
        return blend(min_value, max_value, height)

    return schedule


def triangular_halving(
    min_value: Scalar, max_value: Scalar, *, half_period: Scalar
) -> optax.Schedule:
    r"""Go up and down in straight lines, half as high in each cycle as in the last.

    .. math::

        \eta_t = \eta_{\min}
        + (\eta_{\max} - \eta_{\min}) \max(0, 1 - x_t)\, 2^{-(c_t - 1)}

    with cycle :math:`c_t` and position :math:`x_t` as in :func:`triangular`. Smith calls it
    ``triangular2``.

    Args:
        min_value: :math:`\eta_{\min}`.
        max_value: :math:`\eta_{\max} \ge \eta_{\min}`, the height of the first cycle.
        half_period: :math:`\mu > 0`, in steps; a cycle takes :math:`2 \mu`.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, ``max_value`` less than ``min_value``, or
            ``half_period`` not positive.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    check_range(min_value, max_value)
    check_positive("half_period", half_period)

    def schedule(step):
        completed, height = _wave(step, half_period)
        return blend(min_value, max_value, height * power(0.5, completed))

    return schedule


def triangular_exponential(
    min_value: Scalar, max_value: Scalar, *, half_period: Scalar, factor: Scalar
) -> optax.Schedule:
    r"""Go up and down in straight lines, below a height that decays in every step.

    .. math::

        \eta_t = \eta_{\min} + (\eta_{\max} - \eta_{\min}) \max(0, 1 - x_t)\, \gamma^t

    with position :math:`x_t` as in :func:`triangular`. Smith calls it ``exp_range``.

    Args:
        min_value: :math:`\eta_{\min}`.
        max_value: :math:`\eta_{\max} \ge \eta_{\min}`; a bound, never quite met.
        half_period: :math:`\mu > 0`, in steps; a cycle takes :math:`2 \mu`.
        factor: :math:`\gamma \in (0, 1]`, per step.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, ``max_value`` less than ``min_value``,
            ``half_period`` not positive, or ``factor`` outside (0, 1].

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    check_range(min_value, max_value)
    check_positive("half_period", half_period)
    check_shrinking("factor", factor)

    def schedule(step):
        _, height = _wave(step, half_period)
        return blend(min_value, max_value, height * power(factor, step))

    return schedule


def _wave(step, half_period):
    """Return the completed cycles, c - 1, and the height in [0, 1], 1 - x."""
    halves, taken, left = cycles(step, half_period)
    height = jnp.where(halves % 2 == 0, taken, left)
    return halves // 2, fraction(height, half_period)
