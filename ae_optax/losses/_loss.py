"""What the trainer knows of a loss."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax


class Loss(NamedTuple):
    """A loss of images, and how to see what the model meant.

    Attributes:
        per_image: ``per_image(output, target) -> (n,)``: one number for each image.
        reconstruct: ``reconstruct(output) -> (n, height, width)``: the output as pixels in [0, 1].
        expects: What the output must be: pixel ``"values"``, or ``"logits"`` from a linear layer.
    """

    per_image: Callable[[Any, jax.Array], jax.Array]
    reconstruct: Callable[[Any], jax.Array]
    expects: Literal["values", "logits"]
