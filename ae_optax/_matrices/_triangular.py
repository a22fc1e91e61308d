r"""Factors :math:`Q` fitted so that :math:`Q^\top Q` whitens a gradient, without an inverse.

A block has shape (B, d1, ..., dk); a factor of one of its axes is upper triangular, (B, d, d), or
diagonal, (B, d).
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ae_optax._matrices._decompositions import solved
from ae_optax._matrices._products import along, gram, product, scale_axis
from ae_optax._numbers import scalar
from ae_optax._types import Scalar


def fitted(
    factors: Sequence[jax.Array], g: jax.Array, v: jax.Array, *, rate: Scalar
) -> list[jax.Array]:
    r"""Return the factors after one step of descent on the group of triangular matrices.

    With :math:`A = Q_1 G Q_2^\top` and :math:`B = Q_1^{-\top} V Q_2^{-1}`, for every axis

    .. math::

        Q \leftarrow Q - \frac{\mu}{b(A A^\top + B B^\top)}\, \mathrm{triu}(A A^\top - B B^\top)\, Q

    where :math:`b` is a lower bound of the spectral norm.

    Args:
        factors: One for each axis.
        g: The gradient, with a little noise.
        v: Independent normal numbers, as many.
        rate: :math:`\mu`, the length of the step.
    """
    a, b = _squarable(whitened(factors, _squarable(g))), _squarable(_solved(factors, v))
    return [_step(q, a, b, axis, rate) for axis, q in enumerate(factors)]


def whitened(factors: Sequence[jax.Array], x: jax.Array) -> jax.Array:
    r"""Return :math:`Q_1 x\, Q_2^\top`."""
    for axis, q in enumerate(factors):
        x = scale_axis(x, axis, q) if q.ndim == 2 else along(x, axis, q)
    return x


def preconditioned(factors: Sequence[jax.Array], x: jax.Array) -> jax.Array:
    r"""Return :math:`Q_1^\top Q_1 x\, Q_2^\top Q_2`."""
    for axis, q in enumerate(factors):
        if q.ndim == 2:
            # One after the other: the square may be infinite where what it meets is zero.
            x = scale_axis(scale_axis(x, axis, q), axis, q)
        else:
            x = along(x, axis, product(jnp.matrix_transpose(q), q))
    return x


def balanced(factors: Sequence[jax.Array]) -> list[jax.Array]:
    """Return the factors with largest entries that are equal, their product unchanged."""
    sizes = [jnp.max(jnp.abs(q), axis=tuple(range(1, q.ndim))) for q in factors]
    mean = jnp.exp(sum(map(jnp.log, sizes)) / len(sizes))
    return [
        q * (mean / s).reshape(-1, *[1] * (q.ndim - 1)) for q, s in zip(factors, sizes, strict=True)
    ]


def spectral_bound(a: jax.Array) -> jax.Array:
    """Return a lower bound of the largest singular value of symmetric matrices, shape (B,)."""
    largest = jnp.max(jnp.abs(a), axis=(-2, -1), keepdims=True)
    safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    a = a / safe
    longest = jnp.argmax(jnp.sum(a * a, -1), -1)
    x = jnp.take_along_axis(a, longest[:, None, None], -2)  # A row.
    x = product(x, a)
    x = product(x / jnp.sqrt(jnp.sum(x * x, -1, keepdims=True)), a)
    length = jnp.sqrt(jnp.sum(x * x, (-2, -1))) * safe[:, 0, 0]
    return jnp.where(largest[:, 0, 0] > 0, length, jnp.zeros_like(length))


def _solved(factors, v):
    r"""Return :math:`Q_1^{-\top} v\, Q_2^{-1}`."""
    for axis, q in enumerate(factors):
        if q.ndim == 2:
            v = scale_axis(v, axis, 1 / q)
            continue
        moved = jnp.moveaxis(v, axis + 1, 1)
        flat = moved.reshape(*moved.shape[:2], -1)
        v = jnp.moveaxis(solved(q, flat).reshape(moved.shape), 1, axis + 1)
    return v


def _step(q, a, b, axis, rate):
    rate = scalar(rate, q)
    if q.ndim == 2:
        others = tuple(i for i in range(1, a.ndim) if i != axis + 1)
        above, below = jnp.sum(a * a, others), jnp.sum(b * b, others)
        size = jnp.max(above + below, -1, keepdims=True)
        return q - rate / _nonzero(size) * (above - below) * q
    above, below = gram(a, axis), gram(b, axis)
    size = spectral_bound(above + below)[:, None, None]
    return q - rate / _nonzero(size) * product(jnp.triu(above - below), q)


def _squarable(x):
    """Return ``x``, no number so large that sums of squares of two would be infinite."""
    size = max(math.prod(x.shape[1:]), 1)
    largest = (float(jnp.finfo(x.dtype).max) / (4 * size)) ** 0.5
    return jnp.clip(x, -largest, largest)


def _nonzero(x):
    return jnp.where(x > 0, x, jnp.ones_like(x))
