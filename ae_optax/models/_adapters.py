"""Adapters from Flax modules to the two functions of a model."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from ae_optax.models._model import Model


def from_nnx(build: Callable[[tuple[int, ...], nnx.Rngs], nnx.Module]) -> Model:
    """Make a model from a function that builds a ``flax.nnx`` module.

    Args:
        build: ``build(shape, rngs) -> module`` for images of ``shape`` (n left out); the module is
            called with a batch of images.

    Returns:
        A model whose parameters are the module's ``nnx.Param`` variables as nested dictionaries;
        all other variables are its state.
    """

    @functools.cache
    def structure(shape):
        return nnx.graphdef(nnx.eval_shape(lambda: build(shape, nnx.Rngs(0))))

    def init(key, x):
        _, params, state = nnx.split(build(x.shape[1:], nnx.Rngs(key)), nnx.Param, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(state)

    def apply(params, state, x, key, train):
        del key  # A module keeps its own streams of random numbers, in its state.
        module: Any = nnx.merge(structure(x.shape[1:]), params, state)
        module.train() if train else module.eval()
        output = module(x)
        return output, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param)))

    return Model(init, apply)


def from_linen(module: Any) -> Model:
    """Make a model from a ``flax.linen`` module.

    Args:
        module: Called with a batch of images; a random stream named ``dropout`` is fed in
            training. Collections other than ``params`` are the model's state.

    Returns:
        A model with the parameters of ``module.init``.
    """

    def init(key, x):
        variables = dict(module.init(key, x))
        return variables.pop("params"), variables

    def apply(params, state, x, key, train):
        rngs = {"dropout": key} if train else {}
        mutable = list(state) if train else []
        output = module.apply({"params": params, **state}, x, rngs=rngs, mutable=mutable)
        return (output[0], {**state, **output[1]}) if isinstance(output, tuple) else (output, state)

    return Model(init, apply)


def count_parameters(model: Model, images: Any) -> int:
    """Return how many numbers a model learns, for images (n, height, width) of one size."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0), images)
    return sum(leaf.size for leaf in jax.tree.leaves(params))
