"""Pixels, or a part of the image, knocked out."""

import jax
import jax.numpy as jnp

from ae_optax._checks import check_have_height_and_width
from ae_optax.lab.corruptions._arguments import check_share
from ae_optax.lab.corruptions._corruption import Corruption
from ae_optax.lab.corruptions._pixels import one_per_pixel


def knockout(strength: jax.typing.ArrayLike) -> Corruption:
    r"""Make some pixels black, at random.

    Each pixel by itself becomes 0 with probability :math:`p`, all its channels at once.

    Args:
        strength: :math:`p \in [0, 1]`, the expected share of the pixels.

    Returns:
        A corruption of images (n, height, width) or (n, height, width, channels).

    Raises:
        ValueError: If ``strength`` is outside [0, 1].
        TypeError: If ``strength`` is no number.

    References:
        Vincent, Larochelle, Bengio and Manzagol, `Extracting and Composing Robust Features with
        Denoising Autoencoders <https://doi.org/10.1145/1390156.1390294>`_, ICML 2008.
    """
    check_share("strength", strength)

    def apply(key, images):
        draw = one_per_pixel(key, images)
        return jnp.where(draw < jnp.asarray(strength, draw.dtype), 0, images).astype(images.dtype)

    return Corruption(apply)


def knockout_block(strength: jax.typing.ArrayLike) -> Corruption:
    r"""Make one rectangle of each image black, somewhere inside it at random.

    Its sides are :math:`\sqrt p` times those of the image, rounded: a square of a square image.

    Args:
        strength: :math:`p \in [0, 1]`, the share of the image's area.

    Returns:
        A corruption of images (n, height, width) or (n, height, width, channels).

    Raises:
        ValueError: If ``strength`` is outside [0, 1].
        TypeError: If ``strength`` is no number.

    References:
        DeVries and Taylor, `Improved Regularization of Convolutional Neural Networks with Cutout
        <https://arxiv.org/abs/1708.04552>`_, 2017.
    """
    check_share("strength", strength)

    def apply(key, images):
        check_have_height_and_width("knockout_block", images.ndim)
        n, height, width = images.shape[:3]
        ratio = jnp.sqrt(jnp.asarray(strength, jnp.float32))
        rows, columns = (
            _inside(its_key, n, size, jnp.round(ratio * size).astype(jnp.int32))
            for its_key, size in zip(jax.random.split(key), (height, width), strict=True)
        )
        hit = rows[:, :, None] & columns[:, None, :]
        hit = hit.reshape(*hit.shape, *(1,) * (images.ndim - 3))
        return jnp.where(hit, 0, images).astype(images.dtype)

    return Corruption(apply)


def _inside(key, n, size, side):
    """Return for n random intervals of length ``side`` in ``size`` which places lie inside."""
    start = jax.random.randint(key, (n, 1), 0, size - side + 1)
    places = jnp.arange(size)[None]
    return (places >= start) & (places < start + side)
