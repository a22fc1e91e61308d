"""Gaussian noise."""

import jax
import jax.numpy as jnp

from ae_optax._checks import check_non_negative
from ae_optax.lab.corruptions._corruption import Corruption


def gaussian_noise(strength: jax.typing.ArrayLike) -> Corruption:
    r"""Add normal noise to every pixel, and clip to [0, 1].

    .. math::

        \tilde x_i = \min(1, \max(0, x_i + \sigma n_i)), \qquad n_i \sim \mathcal N(0, 1)

    Vectors, which may hold any numbers, are not clipped.

    Args:
        strength: :math:`\sigma \ge 0`, in units of the pixels' range, or of the vectors.

    Returns:
        A corruption of images of any shape and of vectors.

    Raises:
        ValueError: If ``strength`` is negative.
    """
    check_non_negative("strength", strength)

    def apply(key, images):
        noise = jax.random.normal(key, images.shape, images.dtype)
        noisy = images + jnp.asarray(strength, images.dtype) * noise
        return noisy if images.ndim == 2 else jnp.clip(noisy, 0, 1)

    return Corruption(apply)
