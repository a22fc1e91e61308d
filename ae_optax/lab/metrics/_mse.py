"""Squared error of pixels."""

import jax
import jax.numpy as jnp

from ae_optax.lab.metrics._metric import Metric, of_images


def mse() -> Metric:
    r"""Measure the squared error of each image: :math:`\frac1d \sum_{i=1}^d (x_i - r_i)^2`.

    Of pixels in [0, 1], whatever the loss is.

    Returns:
        ``mse`` and ``mse_std`` over the images.
    """
    return of_images("mse", lambda seen: squared_error(seen.output.decoded, seen.target))


def squared_error(images: jax.Array, target: jax.Array) -> jax.Array:
    """Return the mean squared difference of each image (n, ...) from its target; shape (n,)."""
    return jnp.mean(jnp.square(images - target), axis=tuple(range(1, images.ndim)))
