"""Adapters from Flax modules to the pure functions of a model."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from ae_optax.lab.models._model import Model


def from_nnx(
    build: Callable[[tuple[int, ...], nnx.Rngs], nnx.Module],
    *,
    decode: Callable[[Any, jax.Array], jax.Array] | None = None,
) -> Model:
    """Make a model from a function that builds a ``flax.nnx`` module.

    Args:
        build: ``build(shape, rngs) -> module`` for images of ``shape`` (n left out); the module is
            called with a batch of images and returns an :class:`Output` or decoded images.
        decode: ``decode(module, codes)``: what codes (n, code) decode to, images or flat. ``None``:
            the method ``decode`` of ``build`` if that is a class that has one.

    Returns:
        A model whose parameters are the module's ``nnx.Param`` variables as nested dictionaries;
        its state are all other variables but the module's streams of random numbers. These begin
        anew from the key at every call, so that what is random depends on nothing before.
    """
    decode = getattr(build, "decode", None) if decode is None else decode

    @functools.cache
    def structure(shape):
        graph, _, streams, _ = _split(nnx.eval_shape(lambda: build(shape, nnx.Rngs(0))))
        return graph, streams

    def init(key, x):
        _, params, _, state = _split(build(x.shape[1:], nnx.Rngs(key)))
        return nnx.to_pure_dict(params), nnx.to_pure_dict(state)

    def module_for(shape, params, state, key, train) -> Any:
        graph, streams = structure(tuple(shape))
        module: Any = nnx.merge(graph, params, _seeded(streams, key), state)
        module.train() if train else module.eval()
        return module

    def apply(params, state, x, key, train):
        module = module_for(x.shape[1:], params, state, key, train)
        output = module(x)
        _, _, _, state = _split(module)
        return output, nnx.to_pure_dict(state)

    def decode_codes(params, state, code, shape):
        assert decode is not None
        # Nothing should be random here; what is gets a key of its own.
        module = module_for(shape, params, state, jax.random.key(0), False)
        return decode(module, code).reshape(code.shape[0], *shape)

    name = getattr(build, "__qualname__", type(build).__name__)
    return Model(init, apply, decode=decode_codes if decode else None, name=name)


def from_linen(module: Any) -> Model:
    """Make a model from a ``flax.linen`` module.

    Args:
        module: Called with a batch of images; returns an :class:`Output` or decoded images. It is
            told ``train`` or ``deterministic`` if it takes such an argument. All its random streams
            derive from the key. Its method ``decode(codes)``, if it has one, returns images or
            flat.

    Returns:
        A model with the parameters of ``module.init``; collections other than ``params`` are its
        state, which moves in training only.
    """
    arguments = inspect.signature(type(module).__call__).parameters

    def told(train):
        words = {"train": train, "deterministic": not train}
        return {name: value for name, value in words.items() if name in arguments}

    def init(key, x):
        variables = dict(module.init(key, x[:1], **told(False)))
        return variables.pop("params"), variables

    def apply(params, state, x, key, train):
        variables = {"params": params, **state}
        mutable = list(state) if train else []
        # Streams without a key of their own take that of `params`.
        output, moved = module.apply(
            variables, x, rngs={"params": key}, mutable=mutable, **told(train)
        )
        return output, {**state, **moved}

    def decode_codes(params, state, code, shape):
        variables = {"params": params, **state}
        decoded = module.apply(variables, code, method="decode")
        return decoded.reshape(code.shape[0], *shape)

    decodes = decode_codes if hasattr(module, "decode") else None
    return Model(init, apply, decode=decodes, name=type(module).__name__)


def adapt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make of what makes a Flax module what makes a model.

    Args:
        function: A class of modules, of ``flax.linen`` or ``flax.nnx``, or a function that returns
            a module or a model. What takes ``rngs`` makes a module of ``nnx``; if it takes
            ``shape`` too, it is given that of an image.

    Returns:
        ``function`` without the arguments that are given for the caller, ``rngs`` and ``shape``, or
        of a Linen class ``parent`` and ``name``; it returns a model. What ``function`` returns and
        is no module passes as it is.
    """
    is_class = inspect.isclass(function)
    is_linen = is_class and issubclass(function, linen.Module)
    made_by: Any = function.__init__ if is_class and issubclass(function, nnx.Module) else function
    parameters = dict(inspect.signature(made_by).parameters)
    if made_by is not function:
        del parameters["self"]
    given = {"parent", "name"} if is_linen else {"rngs", "shape"} if "rngs" in parameters else set()

    @functools.wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        if "rngs" not in parameters:
            made = function(*args, **kwargs)
            return from_linen(made) if isinstance(made, linen.Module) else made

        def build(shape: tuple[int, ...], rngs: nnx.Rngs) -> Any:
            words = {"shape": shape, "rngs": rngs}
            its = {name: value for name, value in words.items() if name in parameters}
            return function(*args, **kwargs, **its)

        return from_nnx(build, decode=getattr(function, "decode", None))

    own = [p for name, p in parameters.items() if name not in given]
    if given and all(p.kind is not p.VAR_POSITIONAL for p in own):  # The given may come first.
        own = [p if p.kind is p.VAR_KEYWORD else p.replace(kind=p.KEYWORD_ONLY) for p in own]
    make.__signature__ = inspect.Signature(own)  # pyright: ignore[reportAttributeAccessIssue]
    return make


def count_parameters(model: Model, images: Any) -> int:
    """Return how many numbers a model learns, for images (n, height, width) of one size."""
    params, _ = jax.eval_shape(model.init, jax.random.key(0), images)
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _split(module):
    return nnx.split(module, nnx.Param, nnx.RngState, ...)


def _seeded(streams, key):
    """Return the state of streams of random numbers that begin at ``key``, each at its own."""

    def begin(number, leaf):
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jnp.zeros(leaf.shape, leaf.dtype)
        its_key = jax.random.fold_in(key, number)
        return jax.random.split(its_key, leaf.shape) if leaf.shape else its_key

    leaves, tree = jax.tree.flatten(streams)
    return jax.tree.unflatten(tree, [begin(*pair) for pair in enumerate(leaves)])
