"""Peak signal-to-noise ratio."""

import jax
import jax.numpy as jnp

from ae_optax._checks import check_have_height_and_width
from ae_optax.lab.metrics._metric import Metric, of_images
from ae_optax.lab.metrics._mse import squared_error


def psnr() -> Metric:
    r"""Measure the peak signal-to-noise ratio of each image.

    .. math::

        \mathrm{PSNR}(x, r) = -10 \log_{10} \frac1d \sum_{i=1}^d (x_i - r_i)^2

    in decibels, for pixels in [0, 1]; an image met exactly counts 100 dB, not infinity.

    Returns:
        ``psnr`` and ``psnr_std`` over the images.
    """

    def per_image(seen):
        check_have_height_and_width("psnr", seen.target.ndim)
        return psnr_of_each(seen.output.decoded, seen.target)

    return of_images("psnr", per_image)


def input_psnr() -> Metric:
    r"""Measure the peak signal-to-noise ratio of each image that the model was given.

    :func:`psnr` of the corrupted input :math:`\tilde x` in place of the output: what denoising
    has to surpass. An image that was not corrupted counts 100 dB.

    Returns:
        ``input_psnr`` and ``input_psnr_std`` over the images.
    """

    def per_image(seen):
        check_have_height_and_width("input_psnr", seen.target.ndim)
        return psnr_of_each(seen.target if seen.given is None else seen.given, seen.target)

    return of_images("input_psnr", per_image)


def psnr_of_each(images: jax.Array, target: jax.Array) -> jax.Array:
    """Return the ratio of :func:`psnr`, in decibels, of each image by itself.

    Args:
        images: Pixels in [0, 1]; shape (n, ...).
        target: What they should be; likewise.

    Returns:
        Shape (n,).
    """
    return -10 * jnp.log10(jnp.maximum(squared_error(images, target), 1e-10))
