"""Squared error of pixel values."""

import jax
import jax.numpy as jnp

from ae_optax.losses._loss import Loss


def mse() -> Loss:
    r"""Measure the squared error, averaged over pixels.

    .. math::

        L(x, r) = \frac1d \sum_{i=1}^d (x_i - r_i)^2

    for an image of :math:`d` pixels; the loss of a batch is the mean over its images.

    Returns:
        A loss of pixel values.
    """
    return Loss(
        per_image=lambda output, target: jnp.mean(jnp.square(output - target), axis=(1, 2)),
        reconstruct=_identity,
        expects="values",
    )


def _identity(output: jax.Array) -> jax.Array:
    return output
