"""Convolutions that are as fast inside a loop as outside."""

from typing import Any

import jax
import jax.numpy as jnp


def convolve(images: jax.Array, kernel: jax.Array, strides: Any, padding: Any, **_: Any):
    """Convolve as ``jax.lax.conv_general_dilated`` does, images (n, h, w, c) with ``SAME`` borders.

    On a CPU, XLA runs a convolution inside a loop by a slow reference kernel (30 times slower on
    small images), and training is a loop; there it is written as a product of matrices.
    """
    assert padding == "SAME", padding

    def native(images, kernel):
        numbers = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(
            images, kernel, strides, padding, dimension_numbers=numbers
        )

    def by_product(images, kernel):
        return _patches(images, kernel.shape[:2], strides) @ kernel.reshape(-1, kernel.shape[-1])

    return jax.lax.platform_dependent(images, kernel, cpu=by_product, default=native)


def _patches(images, window, strides):
    """Return what the window sees at each place; shape (n, h', w', window pixels times c)."""
    pads = jax.lax.padtype_to_pads(images.shape[1:3], window, strides, "SAME")
    (top, bottom), (left, right) = pads
    padded = jnp.pad(images, ((0, 0), (top, bottom), (left, right), (0, 0)))
    seen = [
        padded[:, i : padded.shape[1] - window[0] + i + 1 : strides[0]][
            :, :, j : padded.shape[2] - window[1] + j + 1 : strides[1]
        ]
        for i in range(window[0])
        for j in range(window[1])
    ]
    return jnp.concatenate(seen, axis=-1)
