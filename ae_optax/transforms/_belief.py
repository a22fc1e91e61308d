"""AdaBelief: the average gradient over its own mean error as a forecast."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import one_minus_power, root, saturate
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import interpolate


class ScaleByBeliefState(NamedTuple):
    """What :func:`scale_by_belief` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        mu: Running mean of gradients. Structure and shapes of the parameters.
        nu: Running mean of squared deviations from ``mu``; units of the gradient squared.
    """

    count: jax.Array
    mu: optax.Updates
    nu: optax.Updates


@transformation
def scale_by_belief(
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    *,
    eps: Scalar = 1e-16,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Divide the average gradient by how far gradients stray from it.

    Elementwise on each leaf :math:`g_t`, from :math:`m_0 = s_0 = 0`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        s_t &= \beta_2\, s_{t-1} + (1 - \beta_2)\,(g_t - m_t)^2 + \epsilon \\
        u_t &= \frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon},
        \quad \hat m_t = \frac{m_t}{1 - \beta_1^t},\ \hat s_t = \frac{s_t}{1 - \beta_2^t}

    Numerator and denominator share :math:`m`, so this is no quotient of two independent branches.

    Args:
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared deviation.
        eps: :math:`\epsilon > 0`; inside, in units of the gradient squared, it adds up to
            :math:`\epsilon / (1 - \beta_2)`.
        mu_dtype: How :math:`m` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.
        nu_dtype: How :math:`s` is stored, likewise.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``b1`` or ``b2`` is outside [0, 1) or ``eps`` is not positive.
        TypeError: If one of them is not a number.

    References:
        Zhuang et al., `AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
        Gradients <https://arxiv.org/abs/2010.07468>`_, NeurIPS 2020.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)

    def scalars(t, like):
        return {
            "first": 1 / one_minus_power(b1, t, like),
            "second": 1 / one_minus_power(b2, t, like),
        }

    start = zeros(mu_dtype, nu_dtype)
    return leafwise(_belief, ScaleByBeliefState, start, scalars=scalars, b1=b1, b2=b2, eps=eps)


def _belief(g, mu, nu, *, b1, b2, eps, first, second):
    mu = interpolate(b1, mu, g)
    surprise = g - mu
    nu = interpolate(b2, nu, surprise * jnp.conj(surprise)) + eps
    return saturate(mu * first, mu) / (root(nu * second) + eps), (mu, nu)
