"""Draws that all channels of a pixel share."""

import jax


def one_per_pixel(key: jax.Array, images: jax.Array) -> jax.Array:
    """Return draws from [0, 1), one for each pixel: (n, height, width), or with one channel."""
    shape = (*images.shape[:3], *(1,) * (images.ndim - 3))
    return jax.random.uniform(key, shape)
