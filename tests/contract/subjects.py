"""Every public transformation, made: what the contract runs over.

Exporting a name enrols it: the optimizers, the transformations and the rules of other
frameworks. What one of them cannot do is said here, in a table, with the reason.
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

sys.path.insert(0, str(Path(__file__).parents[1]))  # For the program on eight devices.

import running
from contract_cases import EXTRA, one_of_each_kind, parameters, rate
from enrolment import LAYER_OPTIMIZERS, MATRIX_OPTIMIZERS
from layered import with_layers
from marks import slow

from ae_optax import optimizers, transforms
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat import keras, torch

NUMBERS = (Scalar, ScalarOrSchedule, Scalar | None)


@dataclass(frozen=True)
class Subject:
    """A function that makes a transformation, and what it is called with.

    Attributes:
        factory: The function.
        positional: Its arguments by position, of one that takes any number.
        arguments: The others.
    """

    factory: Callable[..., Any]
    positional: tuple[Any, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self, **changed):
        return with_layers(self.factory(*self.positional, **{**self.arguments, **changed}))

    @property
    def numbers(self):
        """The arguments that are numbers, defaults included."""
        found = inspect.signature(self.factory).parameters
        given = {k: self.arguments.get(k, found[k].default) for k in self.static_or_not(False)}
        return {k: v for k, v in given.items() if isinstance(v, int | float)}

    @property
    def documentation(self):
        """What is said of it, in one line."""
        return " ".join((self.factory.__doc__ or "").split())

    def static_or_not(self, static):
        """Return the arguments that shape the program, or those that are numbers."""
        found = inspect.signature(self.factory).parameters.values()
        return [p.name for p in found if (p.annotation not in NUMBERS) is static]


# What is tried besides the defaults, so that a state has something to check.
OPTIONS = {
    "compat.keras.reduce_lr_on_plateau": {"learning_rate": 0.1},
    "compat.keras.rmsprop": {"momentum": 0.9, "centered": True},
    "compat.keras.sgd": {"momentum": 0.9, "nesterov": True},
    "compat.torch.adadelta": {"weight_decay": 0.1},
    "compat.torch.adam": {"amsgrad": True, "weight_decay": 0.1},
    "compat.torch.reduce_lr_on_plateau": {"lr": 0.1},
    "compat.torch.rmsprop": {"centered": True, "momentum": 0.9},
    "compat.torch.sgd": {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
}


def _in_a_layers_basis(name):
    """Return what makes a basis whose inside divides by what ``name`` tells of the layers."""

    def make(**kwargs):
        """Of layers, so it needs ``params``."""
        told = transforms.chain(getattr(transforms, name)(**kwargs), transforms.add(0.1))
        inner = transforms.quotient(numerator=transforms.identity(), denominator=told)
        direction = transforms.in_basis(transforms.fisher_factors(0.9), inner=inner)
        return transforms.for_layers(direction, others=transforms.identity())

    return make


# Those that are made of others.
COMPOSED = {
    "transforms.chain": Subject(
        transforms.chain, (transforms.average(0.9), transforms.add_decayed_weights(0.1))
    ),
    # Alone it gives out scalars: it is for the denominator of a quotient.
    "transforms.of_max_norm": Subject(
        lambda inner: transforms.quotient(
            numerator=transforms.identity(), denominator=transforms.of_max_norm(inner)
        ),
        (transforms.chain(transforms.average(0.9), transforms.add(1.0)),),
    ),
    "transforms.quotient": Subject(
        transforms.quotient,
        arguments={
            "numerator": transforms.average(0.9),
            "denominator": transforms.chain(transforms.absolute(), transforms.add(1.0)),
        },
    ),
    # It is for the inside of a basis.
    "transforms.whiten": Subject(
        lambda **kwargs: transforms.in_basis(
            transforms.kl_gram(0.9), inner=transforms.whiten(**kwargs)
        )
    ),
    **{
        f"transforms.{name}": Subject(_in_a_layers_basis(name))
        for name in ("factored_curvature", "squared_examples")
    },
    "transforms.reset_units": Subject(
        transforms.reset_units, (transforms.average(0.9),), {"axis": -1}
    ),
}
# It packs leaves, and refuses what the others let pass: a missing gradient, a parameter on several
# devices. What it owes is in tests/transforms/test_flatten.py.
ELSEWHERE = {"transforms.flatten"}
# Every common option of Keras at once, but two of the three kinds of clipping.
VARIANTS = {
    "compat.keras.adam, with options": Subject(
        keras.adam,
        arguments={
            "weight_decay": 0.1,
            "global_clipnorm": 2.0,
            "use_ema": True,
            "ema_overwrite_frequency": 3,
            "loss_scale_factor": 8.0,
            "gradient_accumulation_steps": 2,
        },
    ),
}


def _enrol():
    for name in optimizers.__all__:
        arguments = {"learning_rate": rate(name), **EXTRA.get(name, {})}
        yield name, Subject(getattr(optimizers, name), arguments=arguments)
    packages = {"transforms": transforms, "compat.keras": keras, "compat.torch": torch}
    for package, module in packages.items():
        for short in module.__all__:
            function, name = getattr(module, short), f"{package}.{short}"
            if name in ELSEWHERE:
                continue
            if name in COMPOSED:
                yield name, COMPOSED[name]
            elif inspect.isfunction(function) and (
                inspect.signature(function).return_annotation is optax.GradientTransformation
            ):
                if module is not transforms:
                    yield name, Subject(function, arguments=OPTIONS.get(name, {}))
                elif short in running.ARGUMENTS:  # Else test_every_transformation.py says so.
                    yield name, Subject(function, arguments=running.ARGUMENTS[short])
    yield from VARIANTS.items()


SUBJECTS = dict(_enrol())

# They refuse other leaves, with words of their own: Muon is for matrices, and a scalar has
# no axis of units.
MATRICES_ONLY = {"compat.torch.muon", "transforms.reset_units"}
# They factor matrices, of real numbers only.
FACTORING = {
    *set(MATRIX_OPTIMIZERS) - {"muon", "normuon"},
    *LAYER_OPTIMIZERS,
    "transforms.factored_curvature",
    "transforms.fitted_precondition",
    "transforms.in_basis",
    "transforms.precondition",
    "transforms.precondition_chain",
    "transforms.squared_examples",
    "transforms.whiten",
}


def make(name, **changed):
    return SUBJECTS[name].make(**changed)


def optimizers_first():
    """Return all names to try, with those besides the optimizers marked as slow."""
    others = [name for name in SUBJECTS if name not in optimizers.__all__]
    return [*optimizers.__all__, *slow(*others)]


def one_of_each_first():
    """Return all names to try, with those but one optimizer of each kind marked as slow."""
    others = [name for name in SUBJECTS if name not in optimizers.__all__]
    return [*one_of_each_kind(), *slow(*others)]


def leaves(name, dtype=jnp.float32):
    """Return a tree with every kind of leaf that the subject takes."""
    params = parameters(dtype)
    if name in MATRICES_ONLY:
        return {"w": params["w"], "nested": [2 * params["w"], None]}
    return params


def types(tree):
    """Return the shapes, dtypes, weak types and shardings of a tree."""
    return jax.tree.map(jax.typeof, tree)
