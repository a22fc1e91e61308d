"""Products of a tensor with matrices along its axes.

A block is an array of shape (B, d1, ..., dk): B tensors side by side. A matrix for its axis i has
shape (B, di, di); ``None`` stands for the identity.
"""

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

Factors: TypeAlias = Sequence[jax.Array | None]
"""One square matrix for each axis of a block, ``None`` for the identity."""

# Where a fast product would round to ten bits, the small eigenvalues are what it loses.
PRECISION = jax.lax.Precision.HIGHEST


def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the matrix product, stacks along the leading axes, in full precision."""
    return jnp.matmul(a, b, precision=PRECISION)


def adjoint(a: jax.Array) -> jax.Array:
    """Return every matrix transposed and conjugated."""
    return jnp.conj(jnp.matrix_transpose(a))


def symmetric(a: jax.Array) -> jax.Array:
    """Return the symmetric part of every matrix."""
    return (a + jnp.matrix_transpose(a)) / 2


def along(x: jax.Array, axis: int, matrix: jax.Array) -> jax.Array:
    """Multiply a block from the left with one matrix of a stack along an axis: ``A x`` for 0."""
    if x.ndim == 3:  # Matrices, the case that matters: no axis has to move.
        return product(matrix, x) if axis == 0 else product(x, jnp.matrix_transpose(matrix))
    moved = jnp.moveaxis(x, axis + 1, 1)
    flat = moved.reshape(*moved.shape[:2], -1)
    out = product(matrix, flat).reshape(x.shape[0], matrix.shape[1], *moved.shape[2:])
    return jnp.moveaxis(out, 1, axis + 1)


def multiply(x: jax.Array, factors: Factors) -> jax.Array:
    r"""Return :math:`A_1 x A_2^\top`, for any number of axes."""
    for axis, factor in enumerate(factors):
        if factor is not None:
            x = along(x, axis, factor)
    return x


def into_basis(x: jax.Array, bases: Factors) -> jax.Array:
    r"""Return the coordinates :math:`Q_1^\top x\, Q_2` in bases that are columns."""
    return multiply(x, [None if q is None else jnp.matrix_transpose(q) for q in bases])


def gram(x: jax.Array, axis: int) -> jax.Array:
    r"""Return :math:`x x^\top` over all axes but one: shape (B, d, d)."""
    flat = jnp.moveaxis(x, axis + 1, 1)
    return square(flat.reshape(*flat.shape[:2], -1))


# With fewer rows a product saved costs as much to put the rest together.
HALVED = 500


def square(x: jax.Array) -> jax.Array:
    r"""Return :math:`X X^*`; of many rows what is above the diagonal is taken from below it."""
    rows = x.shape[-2]
    if rows < HALVED or is_spread(x):
        return product(x, adjoint(x))
    upper, lower = x[..., : rows // 2, :], x[..., rows // 2 :, :]
    mixed = product(lower, adjoint(upper))
    above = jnp.concatenate([product(upper, adjoint(upper)), adjoint(mixed)], -1)
    below = jnp.concatenate([mixed, product(lower, adjoint(lower))], -1)
    return jnp.concatenate([above, below], -2)


def is_spread(x: jax.Array) -> bool:
    """Tell whether an array is sharded by its type: it is neither cut nor joined then."""
    return any(getattr(getattr(jax.typeof(x), "sharding", None), "spec", None) or ())


def scale_axis(x: jax.Array, axis: int, factor: jax.Array) -> jax.Array:
    """Multiply by one number for each index along an axis, of shape (B, d)."""
    shape = [1] * x.ndim
    shape[0], shape[axis + 1] = factor.shape
    return x * factor.reshape(shape)


def identities(zeros: jax.Array, axis: int) -> jax.Array:
    """Return the identity for one axis of every tensor of a block of zeros."""
    size = zeros.shape[axis + 1]
    like = jax.ShapeDtypeStruct((zeros.shape[0], size, size), zeros.dtype)
    return identities_like(like) + jnp.sum(zeros)


def identities_like(a: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
    """Return as many identities as there are matrices in a stack, of their size and dtype."""
    return jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape)


def unit_scale(a: jax.Array, axes: int | tuple[int, ...] = (-2, -1)) -> tuple[jax.Array, jax.Array]:
    """Return ``a`` over its largest entry along the axes, and that entry (1 if all are zero).

    So squares and sums of it are numbers, and small ones are not lost.
    """
    # The reciprocal of the very largest would be no ordinary number any more.
    bound = float(jnp.finfo(a.dtype).max) / 256
    size = jnp.abs(a)
    # What it is divided by is multiplied again, so that the unit has no slope of its own.
    largest = jnp.max(jax.lax.stop_gradient(size), axis=axes, keepdims=True, initial=0)
    # Bounded only now: XLA would fill an array with the bound before it looks for the largest.
    largest = jnp.minimum(largest, bound)
    safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    return jnp.where(size > bound, jnp.sign(a) * bound, a) / safe.astype(a.dtype), safe
