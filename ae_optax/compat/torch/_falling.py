"""Schedulers that multiply the rate by something at every step."""

from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp

from ae_optax import _numbers as numbers
from ae_optax._checks import check_at_least, check_non_negative, check_positive, check_rule, shown
from ae_optax._numbers import default_float
from ae_optax._time import align, cycles, fraction, passed, remaining
from ae_optax._types import Scalar
from ae_optax._values import blend, power
from ae_optax.compat.torch._scheduler import (
    Scheduler,
    as_float,
    jumping,
    multiplying,
    reading,
    step_by_step,
)


def step_lr(lr: Scalar, step_size: Scalar, gamma: Scalar = 0.1) -> Scheduler:
    r"""Multiply every so many steps: :math:`\eta(t) = \eta\, \gamma^{\lfloor t / s \rfloor}`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        step_size: :math:`s \ge 1`, in steps.
        gamma: :math:`\gamma \ge 0`.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.StepLR``.
    """
    check_at_least("step_size", step_size, 1)
    check_non_negative("gamma", gamma)

    def factor(t):
        return power(gamma, cycles(t, step_size)[0])

    def ratio(t):
        drops = (cycles(t, step_size)[1] == 0) & (t > 0)
        return jnp.where(drops, default_float(gamma), 1)

    return multiplying(lr, factor, ratio)


def multi_step_lr(lr: Scalar, milestones: Iterable[int], gamma: Scalar = 0.1) -> Scheduler:
    r"""Multiply at each milestone: :math:`\eta(t) = \eta\, \gamma^{\#\{i:\, t \ge m_i\}}`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        milestones: :math:`m_i \ge 0`, in any order; one that is there twice counts twice.
        gamma: :math:`\gamma \ge 0`.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.MultiStepLR``.
    """
    milestones = list(milestones)
    for position, milestone in enumerate(milestones):
        check_non_negative(f"milestones[{position}]", milestone)
    check_non_negative("gamma", gamma)

    def factor(t):
        return power(gamma, passed(t, milestones))

    def ratio(t):
        hit = passed(t, milestones) - passed(jnp.asarray(t) - 1, milestones)
        return power(gamma, hit)

    return multiplying(lr, factor, ratio)


def constant_lr(lr: Scalar, factor: Scalar = 1.0 / 3, total_iters: Scalar = 5) -> Scheduler:
    r"""Hold a fraction of the rate, then the rate: :math:`\eta(t) = c\,\eta` for :math:`t < T`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        factor: :math:`c \in (0, 1]`.
        total_iters: :math:`T \ge 1`, in steps.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.ConstantLR``.
    """
    check_positive("factor", factor)
    check_rule("factor", factor, "be at most 1", lambda v: v <= 1)
    check_at_least("total_iters", total_iters, 1)

    def share(t):
        return jnp.where(as_float(t) < default_float(total_iters), default_float(factor), 1)

    def ratio(t):
        end = as_float(t) == default_float(total_iters)
        inverse = jnp.where(end, 1 / default_float(factor), 1)
        return jnp.where(as_float(t) == 0, default_float(factor), inverse)

    return multiplying(lr, share, ratio)


def linear_lr(
    lr: Scalar,
    start_factor: Scalar = 1.0 / 3,
    end_factor: Scalar = 1.0,
    total_iters: Scalar = 5,
) -> Scheduler:
    r"""Go from one fraction of the rate to another in a straight line.

    .. math::

        \eta(t) = \eta \left(a + (b - a)\, \frac{\min(t, T)}{T}\right)

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        start_factor: :math:`a \in (0, 1]`.
        end_factor: :math:`b \in [0, 1]`.
        total_iters: :math:`T \ge 1`, in steps.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.LinearLR``.
    """
    check_positive("start_factor", start_factor)
    check_rule("start_factor", start_factor, "be at most 1", lambda v: v <= 1)
    check_non_negative("end_factor", end_factor)
    check_rule("end_factor", end_factor, "be at most 1", lambda v: v <= 1)
    check_at_least("total_iters", total_iters, 1)

    def factor(t):
        return blend(end_factor, start_factor, remaining(t, total_iters))

    def ratio(t):
        return jnp.where(as_float(t) == 0, default_float(start_factor), _ratio(factor, t))

    return multiplying(lr, factor, ratio)


def exponential_lr(lr: Scalar, gamma: Scalar) -> Scheduler:
    r"""Multiply at every step: :math:`\eta(t) = \eta\, \gamma^t`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        gamma: :math:`\gamma \ge 0`.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is negative.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.ExponentialLR``.
    """
    check_non_negative("gamma", gamma)
    return multiplying(lr, lambda t: power(gamma, t), lambda _: default_float(gamma))


def polynomial_lr(lr: Scalar, total_iters: Scalar = 5, power: Scalar = 1.0) -> Scheduler:
    r"""Fall to zero along a power of the time left.

    .. math::

        \eta(t) = \eta \left(1 - \frac{\min(t, T)}{T}\right)^p

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        total_iters: :math:`T \ge 1`, in steps.
        power: :math:`p > 0`.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.PolynomialLR``.
    """
    check_at_least("total_iters", total_iters, 1)
    check_positive("power", power)

    def factor(t):
        step, total = align(t, total_iters)  # The step may be -1, before the first.
        left = fraction(jnp.maximum(total - step, 0), total)
        return numbers.power(left, default_float(power))

    return multiplying(lr, factor, lambda t: _ratio(factor, t))


def lambda_lr(lr: Scalar, lr_lambda: Callable[[Any], Any]) -> Scheduler:
    r"""Multiply the rate by a function of the step: :math:`\eta(t) = \eta\, \lambda(t)`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        lr_lambda: :math:`\lambda`, of a traced step: written in ``jax.numpy``, with no ``if`` on
            the step.

    Returns:
        A schedule.

    Raises:
        ValueError: If ``lr`` is negative.
        TypeError: If ``lr`` is not a number or ``lr_lambda`` no function.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.LambdaLR``.
    """
    _check_function("lr_lambda", lr_lambda)
    return reading(lr, lambda initial: jumping(lambda t: initial * default_float(lr_lambda(t))))


def multiplicative_lr(lr: Scalar, lr_lambda: Callable[[Any], Any]) -> Scheduler:
    r"""Multiply by a function of the step, step by step.

    .. math::

        \eta(t) = \eta \prod_{i=1}^t \lambda(i)

    The product is taken anew at every step, which costs time in proportion to :math:`t`: if you
    know it, give it to :func:`lambda_lr`.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        lr_lambda: :math:`\lambda`, of a traced step: written in ``jax.numpy``, with no ``if`` on
            the step.

    Returns:
        A schedule.

    Raises:
        ValueError: If ``lr`` is negative.
        TypeError: If ``lr`` is not a number or ``lr_lambda`` no function.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.MultiplicativeLR``.
    """
    _check_function("lr_lambda", lr_lambda)

    def ratio(t):
        return default_float(lr_lambda(t))

    factor = step_by_step(1.0, lambda product, t: product * ratio(t))
    return multiplying(lr, factor, ratio, continues=True)


def _ratio(factor, t):
    """Return the ratio of a factor to the one before, 1 once both are zero."""
    before = factor(jnp.asarray(t) - 1)
    return jnp.where(before == 0, 1, factor(t) / jnp.where(before == 0, 1, before))


def _check_function(name, value):
    if not callable(value):
        raise TypeError(f"`{name}` must be a function of the step, got {shown(value)}.")
