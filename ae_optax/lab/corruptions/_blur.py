"""Blur."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._checks import (
    check_have_height_and_width,
    check_non_negative,
    check_positive_integer,
    is_plain_number,
)
from ae_optax.lab.corruptions._corruption import Corruption


def blur(strength: jax.typing.ArrayLike, *, radius: int | None = None) -> Corruption:
    r"""Blur by a Gaussian kernel, reflecting the image at its borders.

    .. math::

        \tilde x_i = \frac{\sum_{|k| \le R} e^{-k^2 / 2 \sigma^2}\, x_{i + k}}
            {\sum_{|k| \le R} e^{-k^2 / 2 \sigma^2}}

    along columns, then along rows, each channel by itself. Beyond the border the image goes on as
    in a mirror, the outermost pixel included: ``c b a | a b c``. Nothing in it is random.

    Args:
        strength: :math:`\sigma \ge 0`, in pixels; 0 leaves the image as it is.
        radius: :math:`R \ge 1`, in pixels, where the kernel is cut off. ``None``: at four
            deviations, for a ``strength`` that is a plain number.

    Returns:
        A corruption of images (n, height, width) or (n, height, width, channels).

    Raises:
        ValueError: If ``strength`` is negative, ``radius`` below 1, or ``strength`` traced without
            a ``radius``, which shapes the program.
        TypeError: If ``strength`` is no number or ``radius`` no integer.
    """
    check_non_negative("strength", strength)
    if radius is not None:
        check_positive_integer("radius", radius)
    elif is_plain_number(strength):
        radius = max(1, math.ceil(4 * float(strength)))  # pyright: ignore[reportArgumentType]
    else:
        raise ValueError(f"`radius` must be given where `strength` is traced, got {radius!r}.")
    offsets = np.arange(-radius, radius + 1)

    def mixing(size, dtype):
        """Return how the lines of a blurred image are mixed from those of the image."""
        sigma = jnp.maximum(jnp.asarray(strength, jnp.float32), 1e-6)
        weights = jnp.exp(-jnp.square(offsets.astype(np.float32) / sigma) / 2)
        lines = np.arange(size)[:, None]
        sources = (lines + offsets) % (2 * size)
        sources = np.minimum(sources, 2 * size - 1 - sources)
        spread = jnp.broadcast_to(weights / jnp.sum(weights), sources.shape)
        return jnp.zeros((size, size)).at[lines, sources].add(spread).astype(dtype)

    def apply(key, images):
        del key  # Nothing is random.
        check_have_height_and_width("blur", images.ndim)
        rows = mixing(images.shape[1], images.dtype)
        columns = mixing(images.shape[2], images.dtype)
        exact = jax.lax.Precision.HIGHEST
        return jnp.einsum("ih,jw,nhw...->nij...", rows, columns, images, precision=exact)

    return Corruption(apply)
