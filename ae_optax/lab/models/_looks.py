"""What the layers of a model look like: activation, output and initializer, by name."""

import dataclasses
from collections.abc import Callable
from typing import Literal, TypeAlias

import jax
from flax import nnx

from ae_optax._checks import check_one_of
from ae_optax.lab.models._initializers import Initializer

Activation: TypeAlias = Literal["gelu", "linear", "relu", "sigmoid", "tanh"]
Squashing: TypeAlias = Literal["linear", "sigmoid"]

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": nnx.gelu,
    "linear": lambda x: x,
    "relu": nnx.relu,
    "sigmoid": nnx.sigmoid,
    "tanh": nnx.tanh,
}


@dataclasses.dataclass(frozen=True)
class Looks:
    """What all layers of a model have in common, checked once.

    Attributes:
        activation: What follows every hidden layer.
        output: What follows the last layer.
        initializer: How kernels and biases start.
    """

    activation: Activation
    output: Squashing
    initializer: Initializer

    def __post_init__(self):
        check_one_of("activation", self.activation, Activation)
        check_one_of("output", self.output, Squashing)
        check_one_of("initializer", self.initializer, Initializer)

    def activate(self, x: jax.Array) -> jax.Array:
        """Return what a hidden layer hands on."""
        return ACTIVATIONS[self.activation](x)

    def finish(self, x: jax.Array) -> jax.Array:
        """Return what the last layer gives, squashed if that is asked for."""
        return ACTIVATIONS[self.output](x)

    @property
    def squashes(self) -> bool:
        """Whether the output lies in [0, 1]."""
        return self.output == "sigmoid"
