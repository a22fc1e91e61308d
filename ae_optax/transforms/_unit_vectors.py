"""The vectors of a layer's units: their directions and lengths."""

import jax
import jax.numpy as jnp

from ae_optax._numbers import widen
from ae_optax.transforms._units import all_but


def directions(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """Return the vectors of the units divided by their lengths, and the lengths.

    Args:
        x: Of two axes or more; each index along ``axis`` is one unit.
        axis: The axis that counts the units.

    Returns:
        An array like ``x``, in at least float32, zero where a length is; and the lengths, of one
        element along every other axis. Complex numbers count as pairs of real ones. What is
        shorter than the root of the smallest number (1e-19 in float32) counts as zero: to scale
        it first would take another pass over the array.
    """
    x = widen(x)
    squares = jnp.square(jnp.real(x))
    if jnp.iscomplexobj(x):
        squares = squares + jnp.square(jnp.imag(x))
    square = jnp.sum(squares, all_but(axis, x), keepdims=True)
    none = square < jnp.finfo(square.dtype).tiny  # Not so where it is no number.
    zero = jnp.zeros_like(square)
    # A safe square where there is none, whose derivative would be no number.
    square = jnp.where(none, jnp.ones_like(square), square)
    inverse = jnp.where(none, zero, jax.lax.rsqrt(square))
    return x * inverse.astype(x.dtype), jnp.where(none, zero, jnp.sqrt(square))


def along(direction: jax.Array, x: jax.Array, axis: int) -> jax.Array:
    """Return how far ``x`` reaches along the unit vectors ``direction`` of the units."""
    product = jnp.real(jnp.conj(direction) * x)
    return jnp.sum(product, all_but(axis, x), keepdims=True)
