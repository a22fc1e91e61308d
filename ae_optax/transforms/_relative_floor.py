"""A floor under the small numbers of a leaf, by its largest."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_rule, is_plain_number
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def relative_floor(share: Scalar) -> optax.GradientTransformation:
    r"""Raise what is smaller than a share of the largest number of its leaf.

    .. math::

        u_i = \max(x_i,\, c \max_j x_j)

    For a denominator in a basis, where rows or columns of a gradient that are always zero, or a
    batch smaller than a layer, leave coordinates that hold nothing but rounding: divided by its own
    size that would be a step like any other. Of what is not negative.

    Args:
        share: :math:`c \in [0, 1]`; 0 changes nothing. 1e-4 keeps out what float32 makes of zero.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
        Inside :func:`in_basis` a leaf is a stack of blocks, whose largest number counts.

    Raises:
        ValueError: If ``share`` is outside [0, 1].
        TypeError: If it is not a number.
    """
    check_rule("share", share, "lie in [0, 1]", lambda v: 0 <= v <= 1)
    return leafwise(_relative_floor, share=share)


def _relative_floor(x, *, share):
    if not x.size or (is_plain_number(share) and share == 0):
        return x
    return jnp.maximum(x, share * _largest(x))


@jax.custom_jvp
def _largest(x):
    return jnp.max(x)


@_largest.defjvp
def _(primals, tangents):
    (x,), y = primals, _largest(*primals)
    # Nearly as large: compiled, it may have been computed once more, and rounded otherwise.
    there = x >= y * (1 - 8 * float(jnp.finfo(x.dtype).eps))
    return y, jnp.sum(jnp.where(there, tangents[0], 0)) / jnp.maximum(jnp.sum(there), 1).astype(
        y.dtype
    )
