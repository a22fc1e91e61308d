"""Decompositions whose derivatives are numbers, also where a matrix is singular or degenerate.

On a CPU the matrices of a stack are decomposed one after the other. JAX's LAPACK calls hand the
matrices of one stack to the threads of which one waits for them; as many such calls at once as
there are threads, in two programs or in one, wait for each other and never end.
"""

import functools
import math

import jax
import jax.numpy as jnp

from ae_optax._matrices._products import adjoint, identities_like, product


def _in_turn(function):
    """Let a function of stacks, shape (..., m, n), see one matrix after the other on a CPU."""

    def one_by_one(*stacks):
        shape = stacks[0].shape[:-2]
        flat = [x.reshape(math.prod(shape), *x.shape[-2:]) for x in stacks]
        found = jax.lax.map(lambda matrices: function(*matrices), tuple(flat))
        return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), found)

    @jax.custom_batching.custom_vmap
    def stacked(*stacks):
        if math.prod(stacks[0].shape[:-2]) == 1:
            shape = stacks[0].shape[:-2]
            found = function(*(x.reshape(x.shape[-2:]) for x in stacks))
            return jax.tree.map(lambda x: x.reshape(*shape, *x.shape), found)
        return jax.lax.platform_dependent(*stacks, cpu=one_by_one, default=function)

    @stacked.def_vmap
    def _(size, batched, *stacks):
        wide = [
            x if on else jnp.broadcast_to(x, (size, *x.shape))
            for x, on in zip(stacks, batched, strict=True)
        ]
        found = stacked(*wide)
        return found, jax.tree.map(lambda _: True, found)

    return functools.wraps(function)(stacked)


@_in_turn
def _eigh(a):
    values, vectors = jnp.linalg.eigh(a)
    return values, vectors


@_in_turn
def eigenvalues(a: jax.Array) -> jax.Array:
    """Return the eigenvalues of symmetric matrices, ascending, without a derivative."""
    return jnp.linalg.eigvalsh(a)


@_in_turn
def _orthogonal_factor(x):
    return jnp.linalg.qr(x).Q


@_in_turn
def _inverse(a):
    factor = jnp.linalg.cholesky(a)
    half = jax.lax.linalg.triangular_solve(factor, identities_like(a), left_side=True, lower=True)
    return product(adjoint(half), half)


@_in_turn
def _solved(upper, x):
    return jax.scipy.linalg.solve_triangular(upper, x, trans="T", lower=False)


@jax.custom_jvp
def eigh(a: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return eigenvalues, ascending, and eigenvectors of symmetric matrices.

    The vectors of equal eigenvalues have a slope of zero towards each other: nothing else chooses
    among them.
    """
    values, vectors = _eigh(a)
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
    return _orthogonal_factor(x)


@orthogonal_factor.defjvp
def _(primals, tangents):
    q = orthogonal_factor(*primals)
    upper = product(adjoint(q), primals[0])
    sizes = jnp.abs(jnp.diagonal(upper, axis1=-2, axis2=-1))
    largest = jnp.max(sizes, axis=-1, keepdims=True, initial=0)
    dependent = (sizes <= _rounding(sizes) * largest)[..., None, :]
    safe = jnp.where(dependent, identities_like(upper), jnp.triu(upper))
    slope = jnp.where(dependent, 0, tangents[0])
    # The slope of x over the triangular factor, in the basis: what is below its diagonal turns q.
    ratio = product(adjoint(q), jax.lax.linalg.triangular_solve(safe, slope, left_side=False))
    below = jnp.tril(ratio, -1)
    return q, product(q, below - adjoint(below))


@jax.custom_jvp
def inverse(a: jax.Array) -> jax.Array:
    """Return the inverses of symmetric positive matrices, by a Cholesky factorisation."""
    return _inverse(a)


@inverse.defjvp
def _(primals, tangents):
    found = inverse(*primals)
    return found, -product(found, product(tangents[0], found))


@jax.custom_jvp
def solved(upper: jax.Array, x: jax.Array) -> jax.Array:
    r"""Return :math:`U^{-\top} X` of upper triangular matrices."""
    return _solved(upper, x)


@solved.defjvp
def _(primals, tangents):
    (upper, x), (turned, moved) = primals, tangents
    found = solved(upper, x)
    rest = moved - product(adjoint(jnp.triu(turned)), found)
    # Linear in the slope, and to be transposed: not one by one.
    slope = jax.scipy.linalg.solve_triangular(upper, rest, trans="T", lower=False)
    return found, slope


def _rounding(x):
    return 8 * x.shape[-1] * float(jnp.finfo(x.dtype).eps)
