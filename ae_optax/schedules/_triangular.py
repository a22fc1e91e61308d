"""Triangular cycles: up in a straight line, down in a straight line."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._types import Scalar


def triangular(min_value: Scalar, max_value: Scalar, *, half_period: Scalar) -> optax.Schedule:
    r"""Swing between two values along straight lines.

    With the cycle :math:`c = \lfloor 1 + t / (2 \mu) \rfloor` and :math:`x = |t / \mu - 2 c + 1|`,

    .. math::

        \eta(t) = \eta_{\min} + (\eta_{\max} - \eta_{\min}) \max(0, 1 - x)

    It starts at :math:`\eta_{\min}` and is at :math:`\eta_{\max}` after :math:`\mu` steps.

    Args:
        min_value: :math:`\eta_{\min} \ge 0`.
        max_value: :math:`\eta_{\max} \ge 0`.
        half_period: :math:`\mu > 0`, steps from one end to the other.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is negative or ``half_period`` not positive.
        TypeError: If an argument is not a number.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    return _cycles(min_value, max_value, half_period, lambda _t, cycle: jnp.ones_like(cycle))


def triangular_halving(
    min_value: Scalar, max_value: Scalar, *, half_period: Scalar
) -> optax.Schedule:
    r"""Swing along straight lines, half as high in each cycle as in the one before.

    As :func:`triangular`, with the amplitude in cycle :math:`c = 1, 2, \dots` multiplied by
    :math:`2^{1 - c}`.

    Args:
        min_value: :math:`\eta_{\min} \ge 0`.
        max_value: :math:`\eta_{\max} \ge 0`, reached in the first cycle only.
        half_period: :math:`\mu > 0`, steps from one end to the other.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is negative or ``half_period`` not positive.
        TypeError: If an argument is not a number.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    return _cycles(min_value, max_value, half_period, lambda _t, cycle: 0.5 ** (cycle - 1))


def triangular_exponential(
    min_value: Scalar, max_value: Scalar, *, half_period: Scalar, factor: Scalar
) -> optax.Schedule:
    r"""Swing along straight lines, with an amplitude that fades every step.

    As :func:`triangular`, with the amplitude at step :math:`t` multiplied by :math:`\gamma^t`.

    Args:
        min_value: :math:`\eta_{\min} \ge 0`.
        max_value: :math:`\eta_{\max} \ge 0`.
        half_period: :math:`\mu > 0`, steps from one end to the other.
        factor: :math:`\gamma > 0`, as a rule a little below 1.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is negative, or ``half_period`` or ``factor`` not positive.
        TypeError: If an argument is not a number.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
    """
    check_positive("factor", factor)
    return _cycles(min_value, max_value, half_period, lambda t, _cycle: default_float(factor) ** t)


def _cycles(
    min_value: Scalar,
    max_value: Scalar,
    half_period: Scalar,
    amplitude: Callable[[jax.Array, jax.Array], jax.Array],
) -> optax.Schedule:
    check_non_negative("min_value", min_value)
    check_non_negative("max_value", max_value)
    check_positive("half_period", half_period)

    def schedule(step):
        t = default_float(step)
        low, high, mu = map(default_float, (min_value, max_value, half_period))
        cycle = jnp.floor(1 + t / (2 * mu))
        x = jnp.abs(t / mu - 2 * cycle + 1)
        return low + (high - low) * amplitude(t, cycle) * jnp.maximum(0, 1 - x)

    return schedule
