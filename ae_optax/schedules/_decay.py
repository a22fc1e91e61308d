"""Smooth decay without an end."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import fraction
from ae_optax._types import Scalar
from ae_optax._values import power


def exponential_decay(init_value: Scalar, *, rate: Scalar) -> optax.Schedule:
    r"""Decay by the same proportion in every step.

    .. math::

        \eta_t = \eta_0\, e^{-\lambda t}

    It halves every :math:`\ln 2 / \lambda` steps. :func:`geometric_decay` is the same curve,
    given by a factor and a period.

    Args:
        init_value: :math:`\eta_0`, the value at step 0.
        rate: :math:`\lambda \ge 0`, per step.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` is not finite, or ``rate`` negative or not finite.
    """
    check_finite("init_value", init_value)
    check_non_negative("rate", rate)

    def schedule(step):
        return default_float(init_value) * jnp.exp(-default_float(rate) * default_float(step))

    return schedule


def geometric_decay(init_value: Scalar, *, factor: Scalar, period: Scalar) -> optax.Schedule:
    r"""Multiply by a factor in every period, smoothly.

    .. math::

        \eta_t = \eta_0\, \gamma^{t / \tau}

    :func:`step_decay` meets it at whole multiples of the period and is constant in between.
    A factor above one gives the growing rate of a learning rate range test.

    Args:
        init_value: :math:`\eta_0`, the value at step 0.
        factor: :math:`\gamma > 0`, by which the value changes in one period.
        period: :math:`\tau > 0`, in steps.

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
        return default_float(init_value) * power(factor, fraction(step, period))

    return schedule


def inverse_time_decay(init_value: Scalar, *, rate: Scalar) -> optax.Schedule:
    r"""Decay like one over time.

    .. math::

        \eta_t = \frac{\eta_0}{1 + \kappa t}

    The sum of all rates diverges and that of their squares does not, as stochastic
    approximation asks.

    Args:
        init_value: :math:`\eta_0`, the value at step 0.
        rate: :math:`\kappa \ge 0`, per step; half the value is left at :math:`1 / \kappa`.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` is not finite, or ``rate`` negative or not finite.

    References:
        Robbins and Monro, `A Stochastic Approximation Method
        <https://doi.org/10.1214/aoms/1177729586>`_, Annals of Mathematical Statistics, 1951.
    """
    check_finite("init_value", init_value)
    check_non_negative("rate", rate)

    def schedule(step):
        return default_float(init_value) / (1 + default_float(rate) * default_float(step))

    return schedule


def inverse_sqrt(init_value: Scalar, *, duration: Scalar) -> optax.Schedule:
    r"""Hold the value for a while, then decay like one over the root of time.

    .. math::

        \eta_t = \eta_0 \sqrt{\frac{w}{\max(t, w)}}

    The decay of the Transformer, whose rise over the same :math:`w` steps is
    :func:`with_warmup`, a piece of its own.

    Args:
        init_value: :math:`\eta_0`, the value up to step :math:`w`.
        duration: :math:`w > 0`, in steps; at :math:`4 w` half
            the value is left.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``init_value`` is not finite or ``duration`` not positive.

    References:
        Vaswani et al., `Attention Is All You Need <https://arxiv.org/abs/1706.03762>`_,
        NeurIPS 2017, section 5.3.
    """
    check_finite("init_value", init_value)
    check_positive("duration", duration)

    def schedule(step):
        hold = default_float(duration)
        return default_float(init_value) * jnp.sqrt(hold / jnp.maximum(default_float(step), hold))

    return schedule
