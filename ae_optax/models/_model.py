"""What the trainer knows of a model: two pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Model(NamedTuple):
    """A model as a pair of pure functions.

    Attributes:
        init: ``init(key, x) -> (params, state)``: fresh parameters, a tree of arrays, and whatever
            else the model remembers (``{}`` if nothing), for images ``x`` of shape
            (n, height, width).
        apply: ``apply(params, state, x, key, train) -> (output, state)``: what the model makes of
            ``x``, and its new state. ``key`` feeds what is random in the model, ``train`` is a
            Python boolean.
        squashed: Whether the output is already squashed into [0, 1], and so holds no logits.
    """

    init: Callable[[jax.Array, jax.Array], tuple[Any, Any]]
    apply: Callable[[Any, Any, jax.Array, jax.Array, bool], tuple[Any, Any]]
    squashed: bool = False
