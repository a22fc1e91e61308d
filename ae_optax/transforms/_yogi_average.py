"""The additive second moment of Yogi."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._leafwise import leafwise, zeros
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import AverageState


@transformation
def yogi_average(decay: Scalar, *, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Move towards every coordinate by steps that its own size, not the distance, sets.

    Elementwise on each non-negative leaf :math:`x_t` (a squared gradient), from :math:`v_0 = 0`,

    .. math::

        v_t = v_{t-1} - (1 - \rho) \operatorname{sign}(v_{t-1} - x_t)\, x_t

    An :func:`average` forgets a large past at a rate set by that past; this forgets it at a rate
    set by the present, so that the effective learning rate never jumps up.

    Args:
        decay: :math:`\rho \in [0, 1)`.
        dtype: How :math:`v` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If ``decay`` is not a number.

    References:
        Zaheer, Reddi, Sachan, Kale and Kumar, `Adaptive Methods for Nonconvex Optimization
        <https://papers.nips.cc/paper/8186-adaptive-methods-for-nonconvex-optimization>`_,
        NeurIPS 2018.
    """
    check_in_unit_interval("decay", decay)

    return leafwise(_yogi, AverageState, zeros(dtype), decay=decay)


def _yogi(x, v, *, decay):
    move = (1 - decay) * x
    # Comparisons, not the sign of a difference: that is NaN where both overflowed. What is no
    # number compares to nothing, and is added.
    v = jnp.where(v > x, v - move, jnp.where(v == x, v, v + move))
    return v, (v,)
