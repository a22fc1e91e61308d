"""What an evaluation knows of a metric: three pure functions."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax.lab.losses import Seen
from ae_optax.lab.metrics._moments import add_moments, no_moments


class Metric(NamedTuple):
    """A measurement of a set of images that is seen one batch after another.

    Attributes:
        start: ``start(seen) -> sums``: zeros, of the shapes that a batch calls for.
        add: ``add(sums, seen) -> sums``, of the same structure, shapes and dtypes. ``seen.output``
            holds pixels in [0, 1]; ``seen.weights`` is an array.
        finish: ``finish(sums) -> {name: scalar}``.
    """

    start: Callable[[Seen], Any]
    add: Callable[[Any, Seen], Any]
    finish: Callable[[Any], Mapping[str, jax.Array]]


def of_images(name: str, per_image: Callable[[Seen], jax.Array]) -> Metric:
    """Make a metric of one number for each image: its mean and standard deviation.

    Args:
        name: The metric is reported as ``name`` and ``name_std``.
        per_image: ``per_image(seen) -> (n,)``.

    Returns:
        The mean, and the standard deviation over the images (divided by their number), from
        running moments about the running mean, so that it keeps its digits.
    """

    def start(seen):
        del seen
        return no_moments()

    def add(sums, seen):
        return add_moments(sums, per_image(seen), seen.weights)

    def finish(sums):
        return {name: sums.mean, f"{name}_std": jnp.sqrt(sums.variance)}

    return Metric(start, add, finish)
