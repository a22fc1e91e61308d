"""One of several corruptions for each image."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax.lab.corruptions._arguments import check_share
from ae_optax.lab.corruptions._corruption import Corruption


def clean() -> Corruption:
    """Leave images as they are: for a share of the images of a :func:`mixture`.

    Returns:
        A corruption of images of any shape.
    """

    def apply(key, images):
        del key  # Nothing is random.
        return images

    return Corruption(apply)


def mixture(
    corruptions: Sequence[Corruption], *, probabilities: Sequence[float] | None = None
) -> Corruption:
    """Draw one of several corruptions for each image by itself.

    All are computed for all images, so it costs as much as their sum.

    Args:
        corruptions: At least one.
        probabilities: Of each, at least 0 and together 1. ``None``: all the same.

    Returns:
        A corruption of images that all of them are corruptions of.

    Raises:
        ValueError: If there are no corruptions, or not as many probabilities, or these are outside
            [0, 1] or do not sum to 1.
        TypeError: If a probability is no number.
    """
    if not corruptions:
        raise ValueError("`corruptions` must have at least one corruption, got none.")
    if probabilities is None:
        probabilities = [1 / len(corruptions)] * len(corruptions)
    if len(probabilities) != len(corruptions):
        raise ValueError(
            f"`probabilities` must be as many as the {len(corruptions)} corruptions, "
            f"got {len(probabilities)}."
        )
    for position, probability in enumerate(probabilities):
        check_share(f"probabilities[{position}]", probability)
    if abs(sum(probabilities) - 1) > 1e-6:
        raise ValueError(f"`probabilities` must sum to 1, got {sum(probabilities)!r}.")
    ends = np.cumsum(probabilities)[:-1].astype(np.float32)

    def apply(key, images):
        choice_key, *keys = jax.random.split(key, len(corruptions) + 1)
        draw = jax.random.uniform(choice_key, (images.shape[0],))
        choice = jnp.searchsorted(ends, draw, side="right")
        choice = choice.reshape(-1, *(1,) * (images.ndim - 1))
        result = images
        for number, corruption in enumerate(corruptions):
            result = jnp.where(choice == number, corruption(keys[number], images), result)
        return result

    return Corruption(apply)
