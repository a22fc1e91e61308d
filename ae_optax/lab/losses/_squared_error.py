"""Squared error of pixel values."""

import jax
import jax.numpy as jnp

from ae_optax.lab.losses._loss import Loss, as_it_is, of_pixels, over_pixels, with_draws


def mse() -> Loss:
    r"""Measure the squared error, averaged over pixels.

    .. math::

        L(x, r) = \frac1d \sum_{i=1}^d (x_i - r_i)^2

    for an image of :math:`d` pixels; the loss of a batch is the mean over its images.

    Returns:
        A loss of pixel values.
    """

    def per_image(decoded, target):
        return over_pixels(jnp.mean, jnp.square(decoded - target))

    loss = of_pixels("mse", per_image, reconstruct=as_it_is, expects="values")
    return with_draws(loss, _normal(lambda pixels: pixels / 2))


def sse() -> Loss:
    r"""Measure the squared error, summed over pixels.

    .. math::

        L(x, r) = \sum_{i=1}^d (x_i - r_i)^2

    for an image of :math:`d` pixels: :func:`mse` times their number, so its gradients are as many
    times larger.

    Returns:
        A loss of pixel values.
    """

    def per_image(decoded, target):
        return over_pixels(jnp.sum, jnp.square(decoded - target))

    loss = of_pixels("sse", per_image, reconstruct=as_it_is, expects="values")
    return with_draws(loss, _normal(lambda _: 0.5))


def _normal(variance):
    """Return draws about the output, of the variance of which the loss is the likelihood."""

    def draw(key, seen):
        mean = seen.output.decoded
        pixels = mean.size // max(mean.shape[0], 1)
        return mean + variance(pixels) ** 0.5 * jax.random.normal(key, mean.shape, mean.dtype)

    return draw
