"""Which names a config may use: the public ones, by what they return."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import optax

from ae_optax.lab.config._types import Kind, accepts, annotations, evaluate, makes

PREFIX = "optax."
COMPAT = {"compat.torch": "ae_optax.compat.torch", "compat.keras": "ae_optax.compat.keras"}
"""The packages whose names are given in full, as ``compat.torch.adam``."""


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Return all that a config can name, by kind."""
    # Imported here: Flax and the data sets are not needed to import `ae_optax.lab.config`.
    from ae_optax import optimizers, schedules, transforms
    from ae_optax.lab import corruptions, data, losses, metrics, models

    made = optax.GradientTransformation
    own = {**exported(transforms, made), **exported(optimizers, made), **of_compat(made)}
    return {
        "data": Kind("data", data.Dataset, exported(data, data.Dataset)),
        "model": Kind("model", models.Model, exported(models, models.Model)),
        "loss": Kind("loss", losses.Loss, exported(losses, losses.Loss)),
        "corruption": Kind(
            "corruption", corruptions.Corruption, exported(corruptions, corruptions.Corruption)
        ),
        "metric": Kind("metric", metrics.Metric, exported(metrics, metrics.Metric)),
        "optimizer": Kind("optimizer", made, own | of_optax(made)),
        "schedule": Kind(
            "schedule",
            optax.Schedule,
            exported(schedules, optax.Schedule)
            | of_compat(optax.Schedule)
            | of_optax(optax.Schedule),
        ),
    }


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, Callable[..., Any]]]:
    """Return the names of this package, by the plural under which they are listed."""
    from ae_optax import optimizers, schedules, transforms
    from ae_optax.lab import corruptions, data, losses, metrics, models

    return {
        "optimizers": exported(optimizers, optax.GradientTransformation),
        "transforms": exported(transforms, optax.GradientTransformation),
        "schedules": exported(schedules, optax.Schedule),
        "models": exported(models, models.Model),
        "losses": exported(losses, losses.Loss),
        "corruptions": exported(corruptions, corruptions.Corruption),
        "metrics": exported(metrics, metrics.Metric),
        "data": exported(data, data.Dataset),
        **{package: _whole(package) for package in COMPAT},
    }


def exported(module: ModuleType, product: Any) -> dict[str, Callable[..., Any]]:
    """Return the functions in the module's ``__all__`` that return ``product``."""
    return returning(product, ((name, getattr(module, name)) for name in module.__all__))


def of_package(package: str, product: Any) -> dict[str, Callable[..., Any]]:
    """Return the functions of a package of :data:`COMPAT`, as ``compat.torch.NAME``."""
    functions = exported(importlib.import_module(COMPAT[package]), product)
    return {f"{package}.{name}": function for name, function in functions.items()}


def _whole(package):
    products = optax.GradientTransformation, optax.Schedule
    found = {name: f for product in products for name, f in of_package(package, product).items()}
    return dict(sorted(found.items()))


def of_compat(product: Any) -> dict[str, Callable[..., Any]]:
    """Return the functions of all packages of :data:`COMPAT` that return ``product``."""
    return {name: f for package in COMPAT for name, f in of_package(package, product).items()}


def of_optax(product: Any) -> dict[str, Callable[..., Any]]:
    """Return Optax's own public functions that return ``product``, as ``optax.NAME``."""
    public = ((n, getattr(optax, n)) for n in dir(optax) if not n.startswith("_"))
    return {PREFIX + name: function for name, function in returning(product, public).items()}


def returning(product: Any, functions: Iterable[tuple[str, Any]]) -> dict[str, Callable[..., Any]]:
    """Return those of ``functions`` that are annotated to return ``product``."""
    found = {n: f for n, f in functions if inspect.isfunction(f) and _returns(n, f, product)}
    return dict(sorted(found.items()))


def _returns(name, function, product):
    names = getattr(inspect.unwrap(function), "__globals__", {})
    result = evaluate(inspect.signature(function).return_annotation, names)
    if result is inspect.Signature.empty:  # Optax leaves one of its own without.
        return product is optax.GradientTransformation and name.startswith("scale_by_")
    return makes(result, product)


def takes_function(function: Callable[..., Any], known: Mapping[str, Kind]) -> bool:
    """Tell whether ``function`` needs an argument that a config can hardly express."""
    required = (p for p in annotations(function).values() if p.default is p.empty)
    wanted = (accepts(p.annotation, known) for p in required)
    return any(a.anything or not a.expressible for a in wanted)
