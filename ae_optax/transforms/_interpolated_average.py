"""An average read with one decay and written with another, as Lion does."""

import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._leafwise import leafwise, zeros
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import AverageState, interpolate


@transformation
def interpolated_average(
    b1: Scalar, b2: Scalar, *, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Weigh the gradient against an average of the past that itself moves more slowly.

    Elementwise on each leaf :math:`g_t`, from :math:`m_0 = 0`,

    .. math::

        u_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t

    With :math:`\beta_1 = \beta_2` this is :func:`average`.

    Args:
        b1: :math:`\beta_1 \in [0, 1)`, the weight of the past in what goes out.
        b2: :math:`\beta_2 \in [0, 1)`, the decay of what is remembered.
        dtype: How :math:`m` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``b1`` or ``b2`` is outside [0, 1).
        TypeError: If one of them is not a number.

    References:
        Chen et al., `Symbolic Discovery of Optimization Algorithms
        <https://arxiv.org/abs/2302.06675>`_, NeurIPS 2023.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)

    return leafwise(_interpolated_average, AverageState, zeros(dtype), b1=b1, b2=b2)


def _interpolated_average(g, mean, *, b1, b2):
    return interpolate(b1, mean, g), (interpolate(b2, mean, g),)
