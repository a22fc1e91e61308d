"""Larger steps for what is rarely active."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import one_minus_power, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType


class ScaleBySparsityState(NamedTuple):
    """What :func:`scale_by_sparsity` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        frequency: Share of the steps at which each coordinate was active, in [0, 1]. Structure
            and shapes of the parameters.
    """

    count: jax.Array
    frequency: optax.Updates


@transformation
def scale_by_sparsity(
    decay: Scalar = 0.999, *, exponent: Scalar = 0.5, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Enlarge the steps of coordinates whose gradient is rarely different from zero.

    Elementwise on each leaf :math:`g_t`, with the running share of steps at which the coordinate
    was active,

    .. math::

        f_t &= \frac{\sum_{i=1}^t \rho^{t-i}\, [g_i \ne 0]}{\sum_{i=1}^t \rho^{t-i}} \\
        u_t &= f_t^{-p}\, g_t

    The factor reads only whether a gradient is zero, never its size. It is 1 where every gradient
    counts, about :math:`f^{-p}` for a feature that is present in a share :math:`f` of the
    batches, and at most :math:`(1 - \rho)^{-p}`, reached by a first sign of life after a long
    silence. With :math:`p = 1/2` it is what AdaGrad does for sparse features, without the decay
    of the rate; with :math:`p = 1` all features move equally far in the long run. Meant for
    inputs with many zeros and before a momentum, which would fill them.

    Args:
        decay: :math:`\rho \in [0, 1)`; the share is taken over about :math:`1 / (1 - \rho)`
            steps.
        exponent: :math:`p > 0`.
        dtype: How :math:`f` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates and ignores
        ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``exponent`` not positive.
        TypeError: If one of them is not a number.

    References:
        Duchi, Hazan and Singer, `Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization <https://jmlr.org/papers/v12/duchi11a.html>`_, JMLR 12, 2011 (the factor
        that sparse features have there).
    """
    check_in_unit_interval("decay", decay)
    check_positive("exponent", exponent)

    def scalars(t, like):
        # The weight of the newest: 1 at first, so that a dense gradient has share 1 at once.
        return {"weight": (1 - scalar(decay, like)) / one_minus_power(decay, t, like)}

    start = zeros(dtype)
    return leafwise(_sparsity, ScaleBySparsityState, start, scalars=scalars, exponent=exponent)


def _sparsity(g, frequency, *, exponent, weight):
    frequency = jnp.real(frequency)
    active = (g != 0).astype(frequency.dtype)
    frequency = frequency + scalar(weight, active) * (active - frequency)
    seen = jnp.where(frequency > 0, frequency, jnp.ones_like(frequency))
    factor = seen ** -scalar(exponent, seen)
    return g * factor.astype(g.dtype), (frequency,)
