"""What an update costs: memory that stays, and memory that is read and written."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax.observing._flops import GRADIENT, mean_flops


class Cost(NamedTuple):
    """What an optimizer costs, whatever the machine's speed.

    Attributes:
        state_bytes: Size of the whole state.
        parameters: Number of the parameters.
        array_passes: How often an update that is compiled together with the addition to the
            parameters reads or writes an array as large as they are, as XLA counts it; NaN if it
            does not count. Plain gradient descent makes three.
        flops: Floating-point operations of an update, the mean of a hundred updates: what is done
            every few steps only counts by its share.
    """

    state_bytes: int
    parameters: int
    array_passes: float
    flops: float

    @property
    def bytes_per_parameter(self) -> float:
        """Return the size of the state for each parameter."""
        return self.state_bytes / self.parameters

    @property
    def examples(self) -> float:
        """Return of how many examples the gradient takes as much, in layers that are dense."""
        return self.flops / (GRADIENT * self.parameters)


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
    traced = jax.jit(step).trace(params, state, params)
    found = traced.lower().compile().cost_analysis() or {}
    passes = found.get("bytes accessed", math.nan) / bytes_of(params)
    # Parameters and state of the next time are the outputs of this one, in their order.
    of_params, of_state = (len(jax.tree.leaves(tree)) for tree in (params, state))
    is_state = [*[False] * of_params, *[True] * of_state, *[False] * of_params]
    back = [*range(of_params + of_state), *[-1] * of_params]
    return Cost(bytes_of(state), count_of(params), passes, mean_flops(traced.jaxpr, is_state, back))


def count_of(tree: Any) -> int:
    """Return how many numbers a tree of arrays holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def bytes_of(tree: Any) -> int:
    """Return the size of a tree of arrays."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
