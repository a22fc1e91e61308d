"""Which names a config may use: the public ones, by what they return."""

import functools
import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import optax

from ae_optax.lab.config._types import Kind, accepts, annotations, evaluate, makes

PREFIX = "optax."
COMPAT = {"compat.torch": "ae_optax.compat.torch", "compat.keras": "ae_optax.compat.keras"}
"""The packages whose names are given in full, as ``compat.torch.adam``."""


GROUPS = {
    "data": ("data",),
    "model": ("models",),
    "loss": ("losses",),
    "corruption": ("corruptions",),
    "metric": ("metrics",),
    "optimizer": ("transforms", "optimizers"),
    "schedule": ("schedules",),
    "statistic": ("statistics",),
    "basis": ("bases",),
    "root": ("roots",),
    "refresh": ("refreshes",),
    "view": ("views",),
    "draws": ("draws",),
}
"""The plurals under which each kind is listed: packages here, entry points elsewhere."""

PIECES = ("statistics", "bases", "roots", "refreshes", "views", "draws")
"""Those that are parts of transformations, and in the package of these."""


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Return all that a config can name, by kind.

    An installed package adds names by entry points in the groups ``ae_optax.models``,
    ``ae_optax.optimizers`` and so on, after the plurals of :data:`GROUPS`.
    """
    # Imported here: Flax and the data sets are not needed to import `ae_optax.lab.config`.
    from ae_optax.lab.models import adapt

    found, points = {}, importlib.metadata.entry_points()
    for name, product in _products().items():
        functions = {n: f for group in GROUPS[name] for n, f in catalogue()[group].items()}
        if name in ("optimizer", "schedule"):
            functions |= of_compat(product) | of_optax(product)
        others = {
            point.name: point.value.partition("[")[0].strip()
            for group in GROUPS[name]
            for point in points.select(group=f"ae_optax.{group}")
            if point.name not in functions
        }
        found[name] = Kind(name, product, functions, others, adapt if name == "model" else None)
    return found


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, Callable[..., Any]]]:
    """Return the names of this package, by the plural under which they are listed."""
    from ae_optax import optimizers, schedules, transforms
    from ae_optax.lab import corruptions, data, losses, metrics, models

    modules = (optimizers, transforms, schedules, models, losses, corruptions, metrics, data)
    packages = {module.__name__.rpartition(".")[2]: module for module in modules}
    packages |= dict.fromkeys(PIECES, transforms)
    product = {group: _products()[name] for name, groups in GROUPS.items() for group in groups}
    own = {group: exported(module, product[group]) for group, module in packages.items()}
    return own | {package: _whole(package) for package in COMPAT}


@functools.cache
def _products():
    from ae_optax import transforms
    from ae_optax.lab import corruptions, data, losses, metrics, models

    return {
        "data": data.Dataset,
        "model": models.Model,
        "loss": losses.Loss,
        "corruption": corruptions.Corruption,
        "metric": metrics.Metric,
        "optimizer": optax.GradientTransformation,
        "schedule": optax.Schedule,
        "statistic": transforms.Statistic,
        "basis": transforms.Basis,
        "root": transforms.Root,
        "refresh": transforms.Refresh,
        "view": transforms.View,
        "draws": transforms.Draws,
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
