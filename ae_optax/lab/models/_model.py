"""What the trainer knows of a model: pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from ae_optax.lab.models._output import Output


class Model(NamedTuple):
    """A model as pure functions of its parameters.

    Attributes:
        init: ``init(key, x) -> (params, state)``: fresh parameters, a tree of arrays, and whatever
            else the model remembers (``{}`` if nothing), for images ``x`` of shape
            (n, height, width) or (n, height, width, channels), a sample of those to train on.
        apply: ``apply(params, state, x, key, train) -> (output, state)``: what the model makes of
            ``x``, an :class:`Output` or the decoded images alone, and its new state. ``key`` feeds
            what is random in the model, ``train`` is a Python boolean.
        squashed: Whether the output is already squashed into [0, 1], and so holds no logits.
        decode: ``decode(params, state, code, shape) -> decoded`` for codes (n, code) and images of
            ``shape`` (n left out), or ``None``: with it, samples and walks through the codes can be
            shown. Decoded is what the output's ``decoded`` is; shape ``(n, *shape)``.
        code_range: Between which numbers all codes lie; ``None``: not known.
        renew: ``renew(params, state, x, key) -> (params, state, renewed)`` changes the weights
            before a step on images ``x``, as no gradient does; ``renewed`` says of which units, and
            is passed to the optimizer as ``reset``, see :func:`~ae_optax.reset_units`. ``None``:
            nothing but the optimizer changes them.
        name: What it is called, for people.
    """

    init: Callable[[jax.Array, jax.Array], tuple[Any, Any]]
    apply: Callable[[Any, Any, jax.Array, jax.Array, bool], tuple[Output | jax.Array, Any]]
    squashed: bool = False
    decode: Callable[[Any, Any, jax.Array, tuple[int, ...]], jax.Array] | None = None
    code_range: tuple[float, float] | None = None
    renew: Callable[[Any, Any, jax.Array, jax.Array], tuple[Any, Any, Any]] | None = None
    name: str = "model"

    def __repr__(self) -> str:
        """Return what it is called and can do."""
        told = {
            "of values in [0, 1]": self.squashed,
            "decodes codes": self.decode is not None,
            "renews its units": self.renew is not None,
        }
        return ", ".join([f"<Model {self.name}", *(text for text, so in told.items() if so)]) + ">"
