r"""The inverse of a tridiagonal matrix made sparse again: :math:`X = L D L^\top`.

:math:`X` is the tridiagonal matrix whose inverse has a given diagonal :math:`d` and a given first
off-diagonal :math:`e`, the maximum of :math:`\log\det X - \mathrm{tr}(X H)`.
"""

import jax
import jax.numpy as jnp


def shifted(x: jax.Array) -> jax.Array:
    """Return ``x`` moved one place towards the end, zero in front."""
    return jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])


def factors(d: jax.Array, e: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the subdiagonal of L and the diagonal of D, edges cut where D would not be positive.

    Args:
        d: Diagonal, positive, of shape (n,).
        e: Off-diagonal, of shape (n,); the last is ignored.

    Returns:
        ``l``, whose last entry is zero, and ``D``.
    """
    ahead = jnp.concatenate([d[1:], jnp.ones_like(d[:1])])
    e = e.at[-1].set(0) if e.size else e
    ratio = e / ahead
    variance = d - ratio * e  # Of one coordinate, given the next.
    whole = variance > 0
    lower = jnp.where(whole, -ratio, 0)
    return lower, 1 / jnp.where(whole, variance, d)


def times(lower: jax.Array, diagonal: jax.Array, m: jax.Array) -> jax.Array:
    r"""Return :math:`L D L^\top m`."""
    ahead = jnp.concatenate([m[1:], jnp.zeros_like(m[:1])])
    y = diagonal * (m + lower * ahead)
    return y + shifted(lower * y)
