"""Decompositions whose derivatives are numbers, also where a matrix is singular or degenerate."""

import jax
import jax.numpy as jnp

from ae_optax._matrices._products import adjoint, product


@jax.custom_jvp
def eigh(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return eigenvalues, ascending, and eigenvectors of symmetric matrices.

    The vectors of equal eigenvalues have a slope of zero towards each other: nothing else chooses
    among them.
    """
    values, vectors = jnp.linalg.eigh(a)
    return values, vectors


@eigh.defjvp
def _(primals, tangents):
    values, vectors = eigh(*primals)
    turned = product(adjoint(vectors), product(tangents[0], vectors))
    gaps = values[..., None, :] - values[..., :, None]
    largest = jnp.max(jnp.abs(values), axis=-1, keepdims=True, initial=0)[..., None]
    apart = jnp.abs(gaps) > _rounding(values) * largest
    rates = jnp.where(apart, 1 / jnp.where(apart, gaps, 1), 0)
    slopes = jnp.real(jnp.diagonal(turned, axis1=-2, axis2=-1))
    return (values, vectors), (slopes, product(vectors, rates.astype(turned.dtype) * turned))


@jax.custom_jvp
def orthogonal_factor(x: jax.Array) -> jax.Array:
    """Return the orthogonal factor of square matrices.

    What is not independent of the columns before it, so that only rounding gives it a direction,
    has no slope.
    """
    return jnp.linalg.qr(x).Q


@orthogonal_factor.defjvp
def _(primals, tangents):
    q = orthogonal_factor(*primals)
    upper = product(adjoint(q), primals[0])
    sizes = jnp.abs(jnp.diagonal(upper, axis1=-2, axis2=-1))
    largest = jnp.max(sizes, axis=-1, keepdims=True, initial=0)
    dependent = (sizes <= _rounding(sizes) * largest)[..., None, :]
    identity = jnp.broadcast_to(jnp.eye(upper.shape[-1], dtype=upper.dtype), upper.shape)
    safe = jnp.where(dependent, identity, jnp.triu(upper))
    slope = jnp.where(dependent, 0, tangents[0])
    # The slope of x over the triangular factor, in the basis: what is below its diagonal turns q.
    ratio = product(adjoint(q), jax.lax.linalg.triangular_solve(safe, slope, left_side=False))
    below = jnp.tril(ratio, -1)
    return q, product(q, below - adjoint(below))


def _rounding(x):
    return 8 * x.shape[-1] * float(jnp.finfo(x.dtype).eps)
