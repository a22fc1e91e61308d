"""Rounding to float16 and bfloat16 that stays in float32, where no compiler can undo it.

XLA may drop a conversion to a narrow type and back. These functions compute what the conversion
would give, with ordinary float32 arithmetic; converting their result is exact.
"""

from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._numbers import wide_dtype


def is_narrow(dtype: Any) -> bool:
    """Tell whether numbers of ``dtype`` are shorter than float32."""
    return wide_dtype(dtype) != dtype


def round_nearest(x: jax.Array, dtype: Any) -> jax.Array:
    """Return ``x`` rounded to the nearest number of ``dtype``, ties to even.

    Args:
        x: Float32, or anything if ``dtype`` is no shorter than that: then ``x`` is returned.
        dtype: Of which the result is a number, though not its dtype. What is beyond its largest
            number becomes that.
    """
    if not is_narrow(dtype):
        return x
    unit = _spacing(x, dtype)
    return _within(x, jnp.round(x / unit) * unit, dtype)


def round_randomly(x: jax.Array, dtype: Any, noise: jax.Array) -> jax.Array:
    r"""Return ``x`` rounded to one of its two neighbours in ``dtype``, right on average.

    With neighbours :math:`a \le x < b` the result is :math:`b` with probability
    :math:`(x - a) / (b - a)`.

    Args:
        x: Float32.
        dtype: As in :func:`round_nearest`; shorter than float32.
        noise: Uniform in [0, 1), of the shape of ``x``.
    """
    unit = _spacing(x, dtype)
    below = jnp.floor(x / unit)
    # Exact: the unit is a power of two. Adding the noise to x would round once more.
    up = noise < x / unit - below
    return _within(x, jnp.where(up, below + 1, below) * unit, dtype)


def _spacing(x, dtype):
    """Return the distance of the numbers of ``dtype`` around ``x``, a power of two."""
    info = jnp.finfo(dtype)
    _, exponent = jnp.frexp(x)
    lowest = max(int(info.minexp) - info.nmant, int(jnp.finfo(x.dtype).minexp))
    exponent = jnp.maximum(exponent - 1 - info.nmant, lowest)
    return jnp.ldexp(jnp.ones_like(x), exponent)


def _within(x, rounded, dtype):
    largest = float(jnp.finfo(dtype).max)
    return jnp.where(jnp.isfinite(x), jnp.clip(rounded, -largest, largest), x)
