"""The optimizers as the contract suite makes them, and the problem on which they meet it."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
from layered import with_layers
from marks import slow

from ae_optax import optimizers
from ae_optax._types import Scalar, ScalarOrSchedule

# Exporting a name enrols it. What an optimizer needs besides a learning rate goes here.
EXTRA = {
    **{name: {"damping": 1.0} for name in ("ekfac", "kfac", "kfac_eigen", "tnt")},
    # On a constant gradient these divide rounding by rounding: off the diagonal of a basis in which
    # it is diagonal nothing else is left.
    "shampoo": {"b2": 0.9, "eps": 1e-2},
    "soap": {"eps": 1e-2},
    "soap_muon": {"eps": 1e-2},
    "sonew": {"eps": 1e-2},
    "splus": {"block_size": 1},
}
NAMES = list(optimizers.__all__)

_ONE_OF_EACH_KIND = {
    *("adafactor", "adam", "adan", "kfac", "lamb", "muon", "nesterov", "radam"),
    *("rmsprop_centered", "schedule_free_adamw", "soap"),
}


def one_of_each_kind():
    """Return all optimizers, with those that do as another of these does marked as slow."""
    others = [name for name in NAMES if name not in _ONE_OF_EACH_KIND]
    return [*sorted(_ONE_OF_EACH_KIND), *slow(*others)]


# Rates at which the quadratic below goes down in a few steps, where 0.03 does not do.
RATES = {"adadelta": 1.0}


def rate(name):
    return RATES.get(name, 0.03)


def make(name, learning_rate=None, **kwargs):
    """Return the optimizer ``name``, with a rate of its own unless one is given."""
    learning_rate = rate(name) if learning_rate is None else learning_rate
    return with_layers(getattr(optimizers, name)(learning_rate, **EXTRA.get(name, {}) | kwargs))


def numeric_arguments(factory):
    """Return the arguments of ``factory`` that are numbers, with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.annotation in (Scalar, ScalarOrSchedule)
    }


def hyperparameters(name):
    """Return every number that ``make(name)`` uses, by the name of its argument."""
    defaults = numeric_arguments(getattr(optimizers, name))
    extra = {key: value for key, value in EXTRA.get(name, {}).items() if key in defaults}
    return defaults | extra | {"learning_rate": rate(name)}


def needs_params(name):
    """Tell whether the docstring says that the optimizer needs ``params``."""
    return "it needs ``params``" in " ".join(getattr(optimizers, name).__doc__.split())


def parameters(dtype=jnp.float32):
    """Return a tree with every kind of leaf: a matrix, a vector, a scalar, an empty one, none."""
    return {
        "w": jnp.linspace(0.5, 2.0, 6).reshape(3, 2).astype(dtype),
        "nested": [jnp.linspace(-1.0, 1.0, 4).astype(dtype), None],
        "scalar": jnp.asarray(-2.0, dtype),
        "empty": jnp.zeros((0, 3), dtype),
    }


def problem():
    """Return a small tree without oddities, for what compiles much."""
    return {"w": parameters()["w"], "b": parameters()["nested"][0]}


STEPS = 20


def descend(optimizer, params, steps=STEPS):
    """Return where ``steps`` updates lead on the quadratic whose gradient is the parameters."""

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(params, state, params)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[0][0]


@functools.cache
def descended(name):
    """Return :func:`descend` for plain numbers: what the other ways must agree with."""
    return jax.tree.map(np.asarray, jax.jit(lambda p: descend(make(name), p))(problem()))


@functools.cache
def descended_at(name):
    """Return :func:`descend` as a compiled function of the learning rate."""
    return jax.jit(lambda learning_rate: descend(make(name, learning_rate), problem()))


def squared(params):
    return sum(np.sum(np.square(leaf, dtype=np.float64)) for leaf in jax.tree.leaves(params))
