"""What an update costs: memory that stays, and memory that is read and written."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive_integer
from ae_optax._trees import own_keys
from ae_optax.capturing import capture
from ae_optax.observing._flops import GRADIENT, mean_flops
from ae_optax.transforms import needs

EXAMPLES = 128
"""A batch of a rule that reads what layers saw."""


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
        needs: What an update reads beside the gradient, ``("sampled_layers",)`` for instance.
    """

    state_bytes: int
    parameters: int
    array_passes: float
    flops: float
    needs: tuple[str, ...]

    @property
    def bytes_per_parameter(self) -> float:
        """Return the size of the state for each parameter."""
        return each(self.state_bytes, self.parameters)

    @property
    def examples(self) -> float:
        """Return of how many examples the gradient takes as much, in layers that are dense."""
        return each(self.flops, GRADIENT * self.parameters)


def cost_of(
    transformation: optax.GradientTransformation, params: Any, *, examples: int = EXAMPLES
) -> Cost:
    """Return what an update costs. Nothing is computed: it is compiled, and XLA counts.

    Args:
        transformation: The optimizer. If it reads what layers saw, every matrix is taken for the
            kernel of a dense layer, a vector beside it, as long as its rows, for the bias. What it
            asks the trainer for is not counted: to capture that again at other parameters, as
            ``kbfgs`` does, products with the curvature, a loss.
        params: Parameters to measure on, or their shapes.
        examples: How many a batch has, at least 1: what layers saw is as large.

    Returns:
        The cost on the default backend.
    """
    check_positive_integer("examples", examples)
    transformation = optax.with_extra_args_support(transformation)
    params = jax.eval_shape(lambda: params)
    state = jax.eval_shape(transformation.init, params)
    needed = needs(state)
    seen = _dense_layers(params, examples) if needed else None

    def step(params, state, gradients, seen):
        value = jnp.zeros([], jnp.float32)
        given = {
            "layers_at": lambda _: seen,
            "curvature": lambda trees: jnp.ones((len(trees), len(trees)), jnp.float32),
            "loss_at": lambda _: value,
        }
        told = {name: given.get(name, seen) for name in needed}
        updates, state = transformation.update(gradients, state, params, value=value, **told)
        return optax.apply_updates(params, updates), state

    traced = jax.jit(step).trace(params, state, params, seen)
    found = traced.lower().compile().cost_analysis() or {}
    passes = each(found.get("bytes accessed", math.nan), bytes_of(params))
    # Parameters and state of the next time are the outputs of this one, in their order.
    of_params, of_state = (len(jax.tree.leaves(tree)) for tree in (params, state))
    of_rest = of_params + len(jax.tree.leaves(seen))
    is_state = [*[False] * of_params, *[True] * of_state, *[False] * of_rest]
    back = [*range(of_params + of_state), *[-1] * of_rest]
    flops = mean_flops(traced.jaxpr, is_state, back)
    return Cost(bytes_of(state), count_of(params), passes, flops, tuple(sorted(needed)))


def _dense_layers(params, examples):
    """Return what dense layers with these kernels see, as shapes."""

    def keyed(params):
        return [(own_keys(path), leaf) for path, leaf in jax.tree.leaves_with_path(params)]

    kernels = [path for path, leaf in keyed(params) if leaf.ndim > 1 and leaf.size]

    def loss(params, inputs):
        leaves, total = dict(keyed(params)), jnp.zeros([], jnp.float32)
        for path, x in zip(kernels, inputs, strict=True):
            out = jnp.tensordot(x, leaves[path], x.ndim - 1)
            siblings = [leaf for other, leaf in leaves.items() if other[:-1] == path[:-1]]
            biases = [leaf for leaf in siblings if leaf.shape == out.shape[1:]]
            total += jnp.sum(out + biases[0][None] if biases else out).astype(jnp.float32)
        return total

    def seen(params):
        leaves = map(dict(keyed(params)).__getitem__, kernels)
        inputs = [jnp.zeros((examples, *leaf.shape[:-1]), leaf.dtype) for leaf in leaves]
        return capture(loss)(params, inputs)[2]

    return jax.eval_shape(seen, params)


def each(amount: float, count: float) -> float:
    """Return how much of an amount comes to each of so many; of none, no number."""
    return amount / count if count else math.nan


def count_of(tree: Any) -> int:
    """Return how many numbers a tree of arrays holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def bytes_of(tree: Any) -> int:
    """Return the size of a tree of arrays."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
