"""What an update costs: memory that stays, and memory that is read and written."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class Cost(NamedTuple):
    """What an optimizer costs, whatever the machine's speed.

    Attributes:
        state_bytes: Size of the whole state.
        parameters: Number of the parameters.
        array_passes: How often an update that is compiled together with the addition to the
            parameters reads or writes an array as large as they are, as XLA counts it; NaN if it
            does not count. Plain gradient descent makes three.
    """

    state_bytes: int
    parameters: int
    array_passes: float

    @property
    def bytes_per_parameter(self) -> float:
        """Return the size of the state for each parameter."""
        return self.state_bytes / self.parameters


def cost_of(transformation: optax.GradientTransformation, params: Any) -> Cost:
    """Return what an update costs. Nothing is computed: it is compiled, and XLA counts.

    Args:
        transformation: The optimizer.
        params: Parameters to measure on, or their shapes.

    Returns:
        The cost on the default backend.
    """
    transformation = optax.with_extra_args_support(transformation)
    params = jax.eval_shape(lambda: params)

    def step(params, state, gradients):
        value = jnp.zeros([], jnp.float32)
        updates, state = transformation.update(gradients, state, params, value=value)
        return optax.apply_updates(params, updates), state

    state = jax.eval_shape(transformation.init, params)
    found = jax.jit(step).lower(params, state, params).compile().cost_analysis() or {}
    passes = found.get("bytes accessed", math.nan) / bytes_of(params)
    return Cost(bytes_of(state), count_of(params), passes)


def count_of(tree: Any) -> int:
    """Return how many numbers a tree of arrays holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def bytes_of(tree: Any) -> int:
    """Return the size of a tree of arrays."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
