"""What the trainer knows of a corruption."""

from collections.abc import Callable
from typing import NamedTuple

import jax


class Corruption(NamedTuple):
    """Something done to images before a model sees them, at random.

    Attributes:
        apply: ``apply(key, images) -> images`` of the same shape (n, ...) and dtype, pixels in
            [0, 1]; a pure function.
    """

    apply: Callable[[jax.Array, jax.Array], jax.Array]

    def __call__(self, key: jax.Array, images: jax.Array) -> jax.Array:
        """Return the images corrupted."""
        return self.apply(key, images)
