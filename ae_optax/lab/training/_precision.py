"""In which floating-point numbers a model computes, and in which its parameters are kept."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ae_optax._checks import check_one_of
from ae_optax.lab.models import Model, as_output

Floats = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Precision:
    """In which numbers a model computes. Losses, metrics and gradients' sums are float32 always.

    It changes the numbers, so it belongs to what a run is. :func:`with_precision` makes a model of
    it, and whatever is made with that model, measured or shown, has it.

    Attributes:
        compute: Of inputs, activations and the parameters as layers see them: Flax's dense and
            convolutional layers then compute what they do with the argument ``dtype``, to the bit,
            unless they were made with another.
        params: Of the parameters as they are kept and changed. In ``"bfloat16"`` a change of less
            than a 256th of a parameter is lost, unless the optimizer rounds at random or remembers
            the rest: :func:`~ae_optax.stochastic_round_updates`,
            :func:`~ae_optax.compensate_updates`.

    Raises:
        ValueError: If one is neither ``"float32"`` nor ``"bfloat16"``.
    """

    compute: Floats = "bfloat16"
    params: Floats = "float32"

    def __post_init__(self):
        """Check the words."""
        check_one_of("compute", self.compute, Floats)
        check_one_of("params", self.params, Floats)


def with_precision(model: Model, precision: Precision | None) -> Model:
    """Return a model that computes, and keeps its parameters, in other numbers.

    Args:
        model: A model of float32.
        precision: The numbers; ``None``: as the model is.

    Returns:
        A model whose output is float32; the dtypes of its own state stay.
    """
    if precision is None:
        return model
    compute, kept = jnp.dtype(precision.compute), jnp.dtype(precision.params)

    def init(key, x):
        params, state = model.init(key, x)
        return cast(params, kept), state

    def apply(params, state, x, key, train):
        output, after = model.apply(cast(params, compute), state, x.astype(compute), key, train)
        after = jax.tree.map(lambda new, old: new.astype(old.dtype), after, state)
        return cast(as_output(output), jnp.float32), after

    def decode(params, state, code, shape):
        assert model.decode is not None
        decoded = model.decode(cast(params, compute), state, code.astype(compute), shape)
        return decoded.astype(jnp.float32)

    return model._replace(init=init, apply=apply, decode=model.decode and decode)


def cast(tree: Any, dtype: Any) -> Any:
    """Return a tree with its floating-point arrays in a dtype, all others as they are."""
    return jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )
