"""Division of every matrix by its norm."""

from typing import Literal

import jax.numpy as jnp
import optax

from ae_optax._checks import check_one_of, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._matrices._polar import schatten_4
from ae_optax._matrices._products import unit_scale
from ae_optax._numbers import root
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def divide_by_norm(
    *,
    eps: Scalar = 1e-7,
    factor: Scalar = 1.0,
    kind: Literal["frobenius", "schatten_4"] = "frobenius",
) -> optax.GradientTransformation:
    r"""Divide every matrix by its norm: :math:`u = g / (f\, \lVert g \rVert + \epsilon)`.

    No singular value of the result exceeds :math:`1 / f`. Of a leaf with more than two axes every
    matrix of the last two is divided by its own norm; a leaf with fewer by its Euclidean norm.

    Args:
        eps: :math:`\epsilon > 0`, in the units of what comes in.
        factor: :math:`f > 0`.
        kind: The Euclidean norm of all numbers, ``"frobenius"``, or that of the squares of the
            singular values, rooted, ``"schatten_4"``: smaller, and never below the largest one.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``eps`` or ``factor`` is not positive, or ``kind`` another word.
        TypeError: If ``eps`` or ``factor`` is not a number.
    """
    check_positive("eps", eps)
    check_positive("factor", factor)
    check_one_of("kind", kind, ("frobenius", "schatten_4"))
    return leafwise(_divide_by_norm, eps=eps, factor=factor, kind=kind)


def _divide_by_norm(g, *, eps, factor, kind):
    axes = (-2, -1) if g.ndim > 1 else tuple(range(g.ndim))
    # Over the largest entry, so that no square is too large for a number. What is infinite, as a
    # sum of finite ones may be, counts as the largest number: a quotient of two would be none.
    x, unit = unit_scale(g, axes)
    if kind == "schatten_4" and g.ndim > 1:
        size = schatten_4(x)
    else:
        size = root(jnp.sum(jnp.square(jnp.abs(x)), axes, keepdims=True))
    return x / (factor * size + eps / unit).astype(g.dtype)
