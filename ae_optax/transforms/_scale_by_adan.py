"""Adan: Nesterov momentum from the differences of successive gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import in_range, one_minus_power, root, saturate
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import interpolate


class ScaleByAdanState(NamedTuple):
    """What :func:`scale_by_adan` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        mu: Running mean of gradients. Structure and shapes of the parameters.
        delta: Running mean of differences of successive gradients.
        nu: Running mean of squared extrapolated gradients.
        previous: The last gradient.
    """

    count: jax.Array
    mu: optax.Updates
    delta: optax.Updates
    nu: optax.Updates
    previous: optax.Updates


@transformation
def scale_by_adan(
    b1: Scalar = 0.98,
    b2: Scalar = 0.92,
    b3: Scalar = 0.99,
    *,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Average gradients and their differences, over the size of the extrapolated gradient.

    Elementwise on each leaf :math:`g_t`, from zeros, with :math:`d_t = g_t - g_{t-1}`
    (:math:`d_1 = 0`),

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, d_t \\
        n_t &= \beta_3\, n_{t-1} + (1 - \beta_3)\,(g_t + \beta_2\, d_t)^2 \\
        u_t &= \frac{\hat m_t + \beta_2\, \hat v_t}{\sqrt{\hat n_t} + \epsilon}

    where hats divide by :math:`1 - \beta_i^t`, as the authors' program does. Decays are written
    as everywhere in this library; the paper writes :math:`\beta_i` for their complements.

    Args:
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average difference.
        b3: :math:`\beta_3 \in [0, 1)`, decay of the second moment.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        mu_dtype: How :math:`m`, :math:`v` and :math:`g_{t-1}` are stored: a dtype, ``"params"``
            for each parameter's own, or ``None`` for that but at least float32.
        nu_dtype: How :math:`n` is stored, likewise.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If a decay is outside [0, 1) or ``eps`` is not positive.
        TypeError: If one of them is not a number.

    References:
        Xie, Zhou, Li, Lin and Yan, `Adan: Adaptive Nesterov Momentum Algorithm for Faster
        Optimizing Deep Models <https://arxiv.org/abs/2208.06677>`_, 2022.
    """
    for name, decay in (("b1", b1), ("b2", b2), ("b3", b3)):
        check_in_unit_interval(name, decay)
    check_positive("eps", eps)

    def scalars(t, like):
        first, second, third = (1 / one_minus_power(b, t, like) for b in (b1, b2, b3))
        return {"is_first": t == 1, "first": first, "second": second, "third": third}

    start = zeros(mu_dtype, mu_dtype, nu_dtype, mu_dtype)
    return leafwise(_adan, ScaleByAdanState, start, scalars=scalars, b1=b1, b2=b2, b3=b3, eps=eps)


def _adan(g, mu, delta, nu, previous, *, b1, b2, b3, eps, is_first, first, second, third):
    # In range, or two of opposite signs would make the running mean no number for good;
    # that a gradient was infinite, the average of gradients shows.
    change = in_range(g - previous)
    change = jnp.where(is_first, jnp.zeros_like(change), change)
    ahead = g + b2 * change
    mu = interpolate(b1, mu, g)
    delta = interpolate(b2, delta, change)
    nu = interpolate(b3, nu, ahead * jnp.conj(ahead))
    direction = saturate(mu * first + b2 * (delta * second), mu)
    return direction / (root(nu * third) + eps), (mu, delta, nu, g)
