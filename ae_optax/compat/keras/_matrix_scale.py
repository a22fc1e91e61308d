"""Scales of whole matrices: what Keras's Muon does before and after its iteration."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import norm, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def divide_by_norm(*, eps: Scalar) -> optax.GradientTransformation:
    r"""Divide every leaf by its norm: :math:`u = g / (\lVert g \rVert + \epsilon)`.

    Args:
        eps: :math:`\epsilon > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``eps`` is not positive.
        TypeError: If ``eps`` is not a number.
    """
    check_positive("eps", eps)

    return leafwise(_divide_by_norm, eps=eps)


def _divide_by_norm(g, *, eps):
    # Of finite numbers: the quotient of two overflows would be NaN.
    largest = jnp.finfo(g.dtype).max
    g = jnp.clip(g, -largest, largest)
    size = norm(g)
    return g / (size + scalar(eps, size)).astype(g.dtype)


@transformation
def scale_by_longest_side(factor: Scalar) -> optax.GradientTransformation:
    r"""Multiply every leaf by the root of its longest side: :math:`u = r \sqrt{\max(A, B)}\, g`.

    An orthogonal matrix then has a root mean square of about :math:`r`.

    Args:
        factor: :math:`r \ge 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``factor`` is negative.
        TypeError: If ``factor`` is not a number.
    """
    check_non_negative("factor", factor)

    return leafwise(_scale_by_longest_side, factor=factor)


def _scale_by_longest_side(g, *, factor):
    return g * max(g.shape) ** 0.5 * factor
