"""Activations by name."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import jax
from flax import nnx

Activation: TypeAlias = Literal["gelu", "linear", "relu", "sigmoid", "tanh"]
Squashing: TypeAlias = Literal["linear", "sigmoid"]

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": nnx.gelu,
    "linear": lambda x: x,
    "relu": nnx.relu,
    "sigmoid": nnx.sigmoid,
    "tanh": nnx.tanh,
}


def check_known(name: str, value: Any, choices: Any) -> None:
    """Raise ``ValueError`` unless ``value`` is one of the ``choices``, a ``Literal``."""
    known = get_args(choices)
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}, got {value!r}.")
