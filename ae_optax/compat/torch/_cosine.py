"""Cosine annealing, and its warm restarts."""

import jax.numpy as jnp

from ae_optax._checks import check_at_least, check_finite, check_non_negative
from ae_optax._numbers import default_float
from ae_optax._time import restarts
from ae_optax._types import Scalar
from ae_optax._values import blend, half_wave
from ae_optax.compat.torch._scheduler import Rule, Scheduler, as_float, jumping, reading


def cosine_annealing_lr(lr: Scalar, T_max: Scalar, eta_min: Scalar = 0.0) -> Scheduler:  # noqa: N803
    r"""Swing along a cosine: down for :math:`T` steps, up for as many, and so on.

    .. math::

        \eta(t) = \eta_{\min} + \tfrac12 (\eta - \eta_{\min})
            \left(1 + \cos\frac{\pi t}{T}\right)

    :func:`~ae_optax.schedules.cosine_annealing` stays down instead.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        T_max: :math:`T \ge 1`, in steps.
        eta_min: :math:`\eta_{\min}`, finite.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.
        PyTorch 2.13, ``torch.optim.lr_scheduler.CosineAnnealingLR``.
    """
    check_at_least("T_max", T_max, 1)
    check_finite("eta_min", eta_min)

    def height(t):
        return 1 + jnp.cos(jnp.pi * as_float(t) / default_float(T_max))

    def bind(initial):
        low, period = default_float(eta_min), default_float(T_max)

        def value(t):
            return low + 0.5 * (initial - low) * height(t)

        def advance(rate, t):
            before = height(as_float(t) - 1)
            ratio = height(t) / jnp.where(before == 0, 1, before)
            # From the bottom, where there is nothing to multiply, PyTorch adds the first rise.
            at_bottom = (as_float(t) - 1 - period) % (2 * period) == 0
            rise = 0.5 * (initial - low) * (1 - jnp.cos(jnp.pi / period))
            return jnp.where(at_bottom, rate + rise, low + (rate - low) * ratio)

        return Rule(value, begin=lambda rate: rate, advance=advance, restart=lambda _: initial)

    return reading(lr, bind)


def cosine_annealing_warm_restarts(
    lr: Scalar,
    T_0: Scalar,  # noqa: N803
    T_mult: Scalar = 1,  # noqa: N803
    eta_min: Scalar = 0.0,
) -> Scheduler:
    r"""Fall along half a cosine, jump back, and fall again, each time for longer.

    In the period of :math:`T_i` steps that began at step :math:`t_i`,

    .. math::

        \eta(t) = \eta_{\min} + \tfrac12 (\eta - \eta_{\min})
            \left(1 + \cos\frac{\pi (t - t_i)}{T_i}\right)

    :func:`~ae_optax.schedules.cosine_warm_restarts` can also lower the top of each period.

    Args:
        lr: :math:`\eta \ge 0`, the rate PyTorch reads from its optimizer.
        T_0: Length of the first period, at least 1, in steps.
        T_mult: What each period is multiplied by to give the next, at least 1.
        eta_min: :math:`\eta_{\min} \ge 0`; above :math:`\eta` it is what the rate rises to.

    Returns:
        A schedule.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is not a number.

    References:
        Loshchilov and Hutter, `SGDR: Stochastic Gradient Descent with Warm Restarts
        <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.
        PyTorch 2.13, ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``.
    """
    check_at_least("T_0", T_0, 1)
    check_at_least("T_mult", T_mult, 1)
    check_non_negative("eta_min", eta_min)

    def bind(initial):
        def value(t):
            _, left = restarts(t, T_0, T_mult)
            return blend(eta_min, initial, half_wave(left))

        return jumping(value)

    return reading(lr, bind)
