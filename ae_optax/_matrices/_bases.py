"""Orthogonal bases in which a symmetric matrix is diagonal, or nearly, and becomes more so.

All take stacks, of shape (N, d, d). The columns of a basis are its vectors.
"""

import jax
import jax.numpy as jnp

from ae_optax._matrices._decompositions import eigh, orthogonal_factor
from ae_optax._matrices._products import product, symmetric, unit_scale


def eigenbasis(a: jax.Array) -> jax.Array:
    """Return the eigenvectors, those of the largest eigenvalues first.

    Their signs, which rounding would choose, are such that all point to one side.
    """
    a, _ = unit_scale(a)
    _, vectors = eigh(symmetric(a))
    vectors = jnp.flip(vectors, -1)
    # Weights without a pattern that an eigenvector might be orthogonal to.
    side = 1 + (jnp.arange(a.shape[-1], dtype=a.dtype) * 0.6180339887) % 1
    up = jnp.einsum("i,...ij->...j", side, vectors)[..., None, :] >= 0
    return jnp.where(up, vectors, -vectors)


def iterated(a: jax.Array, q: jax.Array) -> jax.Array:
    r"""Return the orthogonal factor of :math:`A Q`: one step of orthogonal iteration."""
    a, _ = unit_scale(a)
    return orthogonal_factor(product(a, q))


def sorted_iterated(a: jax.Array, q: jax.Array) -> tuple[jax.Array, jax.Array]:
    r"""Return one step of orthogonal iteration from sorted vectors, and how they were sorted.

    The order is that of :math:`\mathrm{diag}(Q^\top A Q)`, the largest first; shape (N, d).
    """
    a, _ = unit_scale(a)
    moved = product(a, q)  # Of sorted vectors the columns are the same, sorted.
    order = jnp.argsort(-jnp.sum(q * moved, -2), axis=-1, stable=True)
    return orthogonal_factor(jnp.take_along_axis(moved, order[..., None, :], -1)), order
