"""Schedules that fall: by steps, exponentially, as a power, as an inverse."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_non_negative, check_positive, is_plain_number
from ae_optax._numbers import default_float
from ae_optax._types import Scalar


def step_decay(init_value: Scalar, *, factor: Scalar, period: Scalar) -> optax.Schedule:
    r"""Multiply by a factor every so many steps.

    .. math::

        \eta(t) = \eta_0\, \gamma^{\lfloor t / \tau \rfloor}

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        factor: :math:`\gamma > 0`, as a rule below 1.
        period: :math:`\tau > 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``init_value`` is negative, or ``factor`` or ``period`` is not positive.
        TypeError: If one of them is not a number.
    """
    check_non_negative("init_value", init_value)
    check_positive("factor", factor)
    check_positive("period", period)

    def schedule(step):
        start, gamma, tau = map(default_float, (init_value, factor, period))
        return start * gamma ** jnp.floor(default_float(step) / tau)

    return schedule


def multi_step_decay(
    init_value: Scalar, *, factor: Scalar, boundaries: Sequence[int]
) -> optax.Schedule:
    r"""Multiply by a factor at each of some steps.

    .. math::

        \eta(t) = \eta_0\, \gamma^{\#\{i:\, t \ge b_i\}}

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        factor: :math:`\gamma > 0`, as a rule below 1.
        boundaries: :math:`b_1 < b_2 < \dots`, the first steps at a new value.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``init_value`` is negative, ``factor`` is not positive or ``boundaries`` do
            not increase.
        TypeError: If one of them is not a number.
    """
    check_non_negative("init_value", init_value)
    check_positive("factor", factor)
    check_increasing("boundaries", boundaries)

    def schedule(step):
        passed = sum(
            (default_float(step) >= default_float(b)).astype(jnp.result_type(float))
            for b in boundaries
        )
        return default_float(init_value) * default_float(factor) ** default_float(passed)

    return schedule


def exponential_decay(init_value: Scalar, *, rate: Scalar) -> optax.Schedule:
    r"""Fall by the same share every step.

    .. math::

        \eta(t) = \eta_0\, e^{-\lambda t}

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        rate: :math:`\lambda \ge 0`, per step; the value halves every :math:`\ln 2 / \lambda` steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If an argument is negative.
        TypeError: If an argument is not a number.
    """
    check_non_negative("init_value", init_value)
    check_non_negative("rate", rate)

    def schedule(step):
        return default_float(init_value) * jnp.exp(-default_float(rate) * default_float(step))

    return schedule


def geometric_decay(init_value: Scalar, *, factor: Scalar, period: Scalar = 1) -> optax.Schedule:
    r"""Fall smoothly by a factor in every period.

    .. math::

        \eta(t) = \eta_0\, \gamma^{t / \tau}

    which is :func:`exponential_decay` with :math:`\lambda = -\ln(\gamma) / \tau`.

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        factor: :math:`\gamma > 0`, as a rule below 1.
        period: :math:`\tau > 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``init_value`` is negative, or ``factor`` or ``period`` is not positive.
        TypeError: If one of them is not a number.
    """
    check_non_negative("init_value", init_value)
    check_positive("factor", factor)
    check_positive("period", period)

    def schedule(step):
        start, gamma, tau = map(default_float, (init_value, factor, period))
        return start * gamma ** (default_float(step) / tau)

    return schedule


def polynomial_decay(
    init_value: Scalar,
    *,
    end_value: Scalar = 0.0,
    power: Scalar = 1.0,
    duration: Scalar,
    begin: Scalar = 0,
) -> optax.Schedule:
    r"""Go from one value to another along a power of the time that is left.

    .. math::

        \eta(t) = \eta_1 + (\eta_0 - \eta_1)\,(1 - s)^p,
        \quad s = \min(1, \max(0, (t - b) / T))

    constant before :math:`b` and after :math:`b + T`.

    Args:
        init_value: :math:`\eta_0`, finite.
        end_value: :math:`\eta_1`, finite.
        power: :math:`p > 0`; 1 is a straight line.
        duration: :math:`T > 0`, in steps.
        begin: :math:`b \ge 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is not finite, ``power`` or ``duration`` not positive or ``begin``
            negative.
        TypeError: If an argument is not a number.
    """
    check_finite("init_value", init_value)
    check_finite("end_value", end_value)
    check_positive("power", power)
    check_positive("duration", duration)
    check_non_negative("begin", begin)

    def schedule(step):
        first, last, p = map(default_float, (init_value, end_value, power))
        left = 1 - progress(step, begin, duration)
        # A safe base where nothing is left: the gradient of 0^p with respect to p is NaN.
        done = left <= 0
        factor = jnp.where(done, 0, jnp.where(done, 1, left) ** p)
        return last + (first - last) * factor

    return schedule


def linear(
    init_value: Scalar, *, end_value: Scalar, duration: Scalar, begin: Scalar = 0
) -> optax.Schedule:
    r"""Go from one value to another in a straight line.

    .. math::

        \eta(t) = \eta_0 + (\eta_1 - \eta_0)\,\min(1, \max(0, (t - b) / T))

    Args:
        init_value: :math:`\eta_0`, finite.
        end_value: :math:`\eta_1`, finite.
        duration: :math:`T > 0`, in steps.
        begin: :math:`b \ge 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If a value is not finite, ``duration`` not positive or ``begin`` negative.
        TypeError: If an argument is not a number.
    """
    check_finite("init_value", init_value)
    check_finite("end_value", end_value)
    check_positive("duration", duration)
    check_non_negative("begin", begin)

    def schedule(step):
        first, last = default_float(init_value), default_float(end_value)
        return first + (last - first) * progress(step, begin, duration)

    return schedule


def inverse_time_decay(init_value: Scalar, *, rate: Scalar) -> optax.Schedule:
    r"""Fall as the inverse of the time.

    .. math::

        \eta(t) = \frac{\eta_0}{1 + \kappa t}

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        rate: :math:`\kappa \ge 0`, per step.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If an argument is negative.
        TypeError: If an argument is not a number.

    References:
        Robbins and Monro, `A Stochastic Approximation Method
        <https://doi.org/10.1214/aoms/1177729586>`_, Annals of Mathematical Statistics 22(3), 1951.
    """
    check_non_negative("init_value", init_value)
    check_non_negative("rate", rate)

    def schedule(step):
        return default_float(init_value) / (1 + default_float(rate) * default_float(step))

    return schedule


def inverse_sqrt(init_value: Scalar, *, duration: Scalar) -> optax.Schedule:
    r"""Hold, then fall as the inverse root of the time.

    .. math::

        \eta(t) = \eta_0 \sqrt{\frac{w}{\max(t, w)}}

    Args:
        init_value: :math:`\eta_0 \ge 0`.
        duration: :math:`w > 0`, steps for which the value is held.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``init_value`` is negative or ``duration`` not positive.
        TypeError: If an argument is not a number.

    References:
        Vaswani et al., `Attention Is All You Need <https://arxiv.org/abs/1706.03762>`_,
        section 5.3, NeurIPS 2017.
    """
    check_non_negative("init_value", init_value)
    check_positive("duration", duration)

    def schedule(step):
        w = default_float(duration)
        return default_float(init_value) * jnp.sqrt(w / jnp.maximum(default_float(step), w))

    return schedule


def progress(step, begin, duration):
    """Return the share of ``duration`` that has passed since ``begin``, in [0, 1]."""
    passed = default_float(step) - default_float(begin)
    return jnp.clip(passed / default_float(duration), 0, 1)


def check_increasing(name: str, values: Sequence[Scalar]) -> None:
    """Raise ``ValueError`` unless ``values`` are non-negative and strictly increasing."""
    for position, value in enumerate(values):
        check_non_negative(f"{name}[{position}]", value)
    plain = [value for value in values if is_plain_number(value)]
    if any(later <= earlier for earlier, later in itertools.pairwise(plain)):
        raise ValueError(f"`{name}` must increase strictly, got {list(values)!r}.")
