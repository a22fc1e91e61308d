"""Averages that look one step ahead, as NAdam's numerator does."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_non_negative
from ae_optax._leafwise import leafwise, map_rule, zeros
from ae_optax._numbers import default_float, increment, one_minus_power, saturate, scalar
from ae_optax._transformation import transformation
from ae_optax._trees import zeros_for
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import interpolate


class NesterovAverageState(NamedTuple):
    """What :func:`nesterov_average` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        mean: The running mean. Structure and shapes of the parameters; units of what comes in.
    """

    count: jax.Array
    mean: optax.Updates


@transformation
def nesterov_average(decay: Scalar, *, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Replace every coordinate by the debiased average of its past, one step ahead.

    Elementwise on each leaf :math:`g_t`, from :math:`m_0 = 0`,

    .. math::

        m_t &= \beta\, m_{t-1} + (1 - \beta)\, g_t \\
        u_t &= \frac{\beta\, m_t}{1 - \beta^{t+1}} + \frac{(1 - \beta)\, g_t}{1 - \beta^t}

    which anticipates the average of the next step as if its gradient were this one's.

    Args:
        decay: :math:`\beta \in [0, 1)`; the average spans about :math:`1 / (1 - \beta)` steps.
        dtype: How :math:`m` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If ``decay`` is not a number.

    References:
        Dozat, `Incorporating Nesterov Momentum into Adam
        <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`_, ICLR workshop 2016.
    """
    check_in_unit_interval("decay", decay)

    def scalars(t, like):
        ahead = one_minus_power(decay, t + 1, like)
        return {"now": 1 / one_minus_power(decay, t, like), "ahead": 1 / ahead}

    start = zeros(dtype)
    return leafwise(_nesterov, NesterovAverageState, start, scalars=scalars, decay=decay)


def _nesterov(g, mean, *, decay, now, ahead):
    mean = interpolate(decay, mean, g)
    return saturate((decay * mean) * ahead + ((1 - decay) * g) * now, mean), (mean,)


class ScheduledNesterovAverageState(NamedTuple):
    r"""What :func:`scheduled_nesterov_average` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        product: :math:`\Pi_t = \prod_{i \le t} \mu_i`; shape (), default float dtype.
        mean: The running mean. Structure and shapes of the parameters; units of what comes in.
    """

    count: jax.Array
    product: jax.Array
    mean: optax.Updates


@transformation
def scheduled_nesterov_average(
    decay: Scalar, *, momentum_decay: Scalar = 4e-3, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Look ahead with a momentum that grows from :math:`\beta / 2` to :math:`\beta`.

    With :math:`\mu_t = \beta\,(1 - \tfrac12\, 0.96^{\psi t})` and
    :math:`\Pi_t = \prod_{i \le t} \mu_i`, elementwise from :math:`m_0 = 0`,

    .. math::

        m_t &= \beta\, m_{t-1} + (1 - \beta)\, g_t \\
        u_t &= \frac{\mu_{t+1}\, m_t}{1 - \Pi_t\, \mu_{t+1}} + \frac{(1 - \mu_t)\, g_t}{1 - \Pi_t}

    This is the numerator of NAdam as its author published it and as PyTorch
    (:math:`\psi = 0.004`) and Keras (:math:`\psi = 1`) compute it.

    Args:
        decay: :math:`\beta \in [0, 1)`.
        momentum_decay: :math:`\psi \ge 0`; :math:`\mu` has come half-way to :math:`\beta` after
            about :math:`17 / \psi` steps.
        dtype: How :math:`m` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``momentum_decay`` is negative.
        TypeError: If one of them is not a number.

    References:
        Dozat, `Incorporating Nesterov Momentum into Adam
        <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`_, ICLR workshop 2016.
    """
    check_in_unit_interval("decay", decay)
    check_non_negative("momentum_decay", momentum_decay)

    def init(params):
        return ScheduledNesterovAverageState(
            count=jnp.zeros([], jnp.int32),
            product=default_float(1.0),
            mean=zeros_for(params, dtype),
        )

    def update(updates, state, params=None):
        del params
        if not jax.tree.leaves(updates):  # What saw no gradient has seen no step.
            return updates, state
        count = increment(state.count)
        t = default_float(count)
        mu, mu_next = _scheduled(decay, momentum_decay, t), _scheduled(decay, momentum_decay, t + 1)
        product = state.product * mu

        def scalars(_):
            return {"old": mu_next / (1 - product * mu_next), "new": (1 - mu) / (1 - product)}

        out, (mean,) = map_rule(
            _scheduled_nesterov, updates, kept=[state.mean], scalars=scalars, decay=decay
        )
        return out, ScheduledNesterovAverageState(count, product, mean)

    return optax.GradientTransformation(init, update)


def _scheduled_nesterov(g, mean, *, decay, old, new):
    mean = interpolate(decay, mean, g)
    return saturate(old * mean + new * g, mean), (mean,)


def _scheduled(decay, momentum_decay, t):
    return scalar(decay, t) * (1 - 0.5 * 0.96 ** (t * scalar(momentum_decay, t)))
