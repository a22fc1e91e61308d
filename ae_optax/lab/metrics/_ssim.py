"""Structural similarity."""

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._checks import check_have_height_and_width, check_positive_integer
from ae_optax.lab.metrics._metric import Metric, of_images

SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2


def ssim(*, window: int = 11) -> Metric:
    r"""Measure the structural similarity of each image and its target.

    .. math::

        \mathrm{SSIM}(x, r) = \frac
            {(2 \mu_x \mu_r + C_1)(2 \sigma_{xr} + C_2)}
            {(\mu_x^2 + \mu_r^2 + C_1)(\sigma_x^2 + \sigma_r^2 + C_2)}

    with means, variances and covariance in a window of normal weights of 1.5 pixels' deviation,
    :math:`C_1 = 0.01^2` and :math:`C_2 = 0.03^2`, for pixels in [0, 1]; averaged over all places
    where the window lies inside the image, and over channels. 1 for equal images.

    Args:
        window: Side of the window in pixels, odd, at most that of the images; 11 as published.

    Returns:
        ``ssim`` and ``ssim_std`` over the images.

    Raises:
        TypeError: If ``window`` is no integer.
        ValueError: If ``window`` is below 1 or even; when used, if it is larger than the images.

    References:
        Wang, Bovik, Sheikh and Simoncelli, `Image Quality Assessment: From Error Visibility to
        Structural Similarity <https://doi.org/10.1109/TIP.2003.819861>`_, IEEE Transactions on
        Image Processing 13, 2004.
    """
    check_positive_integer("window", window)
    if window % 2 == 0:
        raise ValueError(f"`window` must be odd, got {window!r}.")
    offsets = np.arange(window) - window // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = weights / weights.sum()

    def per_image(seen):
        x, r = seen.target, seen.output.decoded
        check_have_height_and_width("ssim", x.ndim)
        if min(x.shape[1:3]) < window:
            raise ValueError(
                f"`window` must be at most the sides of the images, {x.shape[1]} and "
                f"{x.shape[2]}, got {window}."
            )

        def smooth(images):
            for axis in (1, 2):
                size = images.shape[axis] - window + 1
                parts = [
                    float(weight) * jax.lax.slice_in_dim(images, k, k + size, axis=axis)
                    for k, weight in enumerate(weights)
                ]
                images = sum(parts[1:], parts[0])
            return images

        mean_x, mean_r = smooth(x), smooth(r)
        variance_x = smooth(x * x) - mean_x * mean_x
        variance_r = smooth(r * r) - mean_r * mean_r
        covariance = smooth(x * r) - mean_x * mean_r
        similarity = (2 * mean_x * mean_r + C1) * (2 * covariance + C2)
        similarity /= (mean_x**2 + mean_r**2 + C1) * (variance_x + variance_r + C2)
        return jnp.mean(similarity, axis=tuple(range(1, similarity.ndim)))

    return of_images("ssim", per_image)
