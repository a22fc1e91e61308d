"""Keras's schedules that fall: exponentially, as a power, as an inverse, by pieces."""

from collections.abc import Sequence

import jax.numpy as jnp
import optax

from ae_optax import _numbers as numbers
from ae_optax import schedules
from ae_optax._checks import check_boundaries, check_finite, check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import align, cycles, remaining
from ae_optax._types import Scalar
from ae_optax._values import blend


def exponential_decay(
    initial_learning_rate: Scalar,
    decay_steps: Scalar,
    decay_rate: Scalar,
    staircase: bool = False,
    name: str | None = "ExponentialDecay",
) -> optax.Schedule:
    r"""Fall as ``keras.optimizers.schedules.ExponentialDecay``.

    .. math::

        \eta(t) = \eta_0\, \gamma^{t / \tau}
        \quad\text{or, with } \texttt{staircase},\quad \eta_0\, \gamma^{\lfloor t / \tau \rfloor}

    Args:
        initial_learning_rate: :math:`\eta_0 \ge 0`.
        decay_steps: :math:`\tau > 0`, in steps.
        decay_rate: :math:`\gamma > 0`.
        staircase: Whether to fall in jumps.
        name: Without meaning here.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``initial_learning_rate`` is negative, or ``decay_steps`` or ``decay_rate``
            is not positive.
        TypeError: If one of them is not a number.
    """
    del name
    check_non_negative("initial_learning_rate", initial_learning_rate)
    check_positive("decay_steps", decay_steps)
    check_positive("decay_rate", decay_rate)
    decay = schedules.step_decay if staircase else schedules.geometric_decay
    return decay(initial_learning_rate, factor=decay_rate, period=decay_steps)


def inverse_time_decay(
    initial_learning_rate: Scalar,
    decay_steps: Scalar,
    decay_rate: Scalar,
    staircase: bool = False,
    name: str | None = "InverseTimeDecay",
) -> optax.Schedule:
    r"""Fall as ``keras.optimizers.schedules.InverseTimeDecay``.

    .. math::

        \eta(t) = \frac{\eta_0}{1 + \kappa\, t / \tau}
        \quad\text{or, with } \texttt{staircase},\quad
        \frac{\eta_0}{1 + \kappa \lfloor t / \tau \rfloor}

    Args:
        initial_learning_rate: :math:`\eta_0 \ge 0`.
        decay_steps: :math:`\tau > 0`, in steps.
        decay_rate: :math:`\kappa \ge 0`.
        staircase: Whether to fall in jumps.
        name: Without meaning here.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``initial_learning_rate`` or ``decay_rate`` is negative, or ``decay_steps``
            is not positive.
        TypeError: If one of them is not a number.
    """
    del name
    check_non_negative("initial_learning_rate", initial_learning_rate)
    check_positive("decay_steps", decay_steps)
    check_non_negative("decay_rate", decay_rate)
    falling = schedules.inverse_time_decay(initial_learning_rate, rate=decay_rate)

    def schedule(step):
        if staircase:
            return falling(cycles(step, decay_steps)[0])
        return falling(default_float(step) / default_float(decay_steps))

    return schedule


def polynomial_decay(
    initial_learning_rate: Scalar,
    decay_steps: Scalar,
    end_learning_rate: Scalar = 0.0001,
    power: Scalar = 1.0,
    cycle: bool = False,
    name: str | None = "PolynomialDecay",
) -> optax.Schedule:
    r"""Fall as ``keras.optimizers.schedules.PolynomialDecay``.

    .. math::

        \eta(t) = \eta_1 + (\eta_0 - \eta_1) \left(1 - \min(1, t / T)\right)^p

    With ``cycle``, :math:`T` is multiplied by the least whole number, at least 1, that keeps
    :math:`t \le T`: the rate jumps up after each multiple of :math:`T`, to less each time.

    Args:
        initial_learning_rate: :math:`\eta_0 \ge 0`.
        decay_steps: :math:`T > 0`, in steps.
        end_learning_rate: :math:`\eta_1 \ge 0`.
        power: :math:`p > 0`; 1 is a straight line.
        cycle: Whether to start again and again.
        name: Without meaning here.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a rate is negative, or ``decay_steps`` or ``power`` is not positive.
        TypeError: If one of them is not a number.
    """
    del name
    check_non_negative("initial_learning_rate", initial_learning_rate)
    check_positive("decay_steps", decay_steps)
    check_non_negative("end_learning_rate", end_learning_rate)
    check_positive("power", power)

    def schedule(step):
        count, taken, _ = cycles(step, decay_steps)
        started = jnp.maximum(count + (taken > 0).astype(count.dtype), 1) if cycle else 1
        now, duration = align(step, decay_steps)
        left = remaining(now, duration * jnp.asarray(started, duration.dtype))
        weight = numbers.power(left, default_float(power))
        return blend(end_learning_rate, initial_learning_rate, weight)

    return schedule


def piecewise_constant_decay(
    boundaries: Sequence[int],
    values: Sequence[Scalar],
    name: str | None = "PiecewiseConstant",
) -> optax.Schedule:
    r"""Change as ``keras.optimizers.schedules.PiecewiseConstantDecay``.

    .. math::

        \eta(t) = \eta_k, \quad k = \#\{i:\, t > b_i\}

    A boundary is the last step at the old value; in PyTorch and Optax it is the first at the new.

    Args:
        boundaries: :math:`b_1 < b_2 < \dots`, in steps.
        values: :math:`\eta_0, \eta_1, \dots`, one more than the boundaries.
        name: Without meaning here.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``boundaries`` do not increase, a value is not finite, or ``values`` are not
            one more.
        TypeError: If one of them is not a number.
    """
    del name
    check_boundaries(boundaries)
    for position, value in enumerate(values):
        check_finite(f"values[{position}]", value)
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"`values` must be one more than the {len(boundaries)} `boundaries`, got {len(values)}."
        )

    def schedule(step):
        rate = default_float(values[0])
        for boundary, value in zip(boundaries, values[1:], strict=True):
            passed = default_float(step) > default_float(boundary)
            rate = jnp.where(passed, default_float(value), rate)
        return rate

    return schedule
