"""Salt and pepper."""

import jax
import jax.numpy as jnp

from ae_optax._checks import check_have_height_and_width
from ae_optax.lab.corruptions._arguments import check_share
from ae_optax.lab.corruptions._corruption import Corruption
from ae_optax.lab.corruptions._pixels import one_per_pixel


def salt_and_pepper(strength: jax.typing.ArrayLike) -> Corruption:
    r"""Make some pixels black and some white, at random.

    Each pixel by itself becomes 0 with probability :math:`p / 2`, 1 with probability
    :math:`p / 2`, all its channels at once, and stays as it is otherwise.

    Args:
        strength: :math:`p \in [0, 1]`, the expected share of the pixels.

    Returns:
        A corruption of images (n, height, width) or (n, height, width, channels).

    Raises:
        ValueError: If ``strength`` is outside [0, 1].
        TypeError: If ``strength`` is no number.
    """
    check_share("strength", strength)

    def apply(key, images):
        check_have_height_and_width("salt_and_pepper", images.ndim)
        draw = one_per_pixel(key, images)
        p = jnp.asarray(strength, draw.dtype)
        return jnp.where(draw < p / 2, 0, jnp.where(draw < p, 1, images)).astype(images.dtype)

    return Corruption(apply)
