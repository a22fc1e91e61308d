"""What an annotation lets a config say."""

import collections.abc
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_optax.lab.config._nodes import Table

SEQUENCES = (collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


@dataclass(frozen=True)
class Kind:
    """One sort of thing that a config can name.

    Attributes:
        name: What one is called: ``optimizer``.
        product: The type its functions return; a parameter so annotated takes a nested call.
        functions: The functions, by the names that a config gives them.
        others: What installed packages add: ``module:function``, by name.
        adapt: Makes of a function of one's own one that returns the product, where that is clear.
    """

    name: str
    product: Any
    functions: Mapping[str, Callable[..., Any]]
    others: Mapping[str, str] = field(default_factory=dict)
    adapt: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


class Of(NamedTuple):
    """Marks an annotation: a call of this kind."""

    kind: str


@dataclass(frozen=True)
class Accepts:
    """What a config may give for a parameter; a union accepts what its members accept."""

    anything: bool = False
    number: bool = False
    integer: bool = False
    boolean: bool = False
    text: bool = False
    none: bool = False
    dtype: bool = False
    table: bool = False
    steps: bool = False
    opaque: bool = False
    choices: tuple[Any, ...] = ()
    kinds: tuple[str, ...] = ()
    record: type | None = None
    sequence: "tuple[type, Accepts, int | None] | None" = None
    mapping: "tuple[Accepts, Accepts] | None" = None

    @property
    def expressible(self) -> bool:
        """Tell whether a config can say anything here, besides ``null``."""
        rest = dataclasses.replace(self, opaque=False, none=False)
        return rest != Accepts()

    def in_steps(self) -> "Accepts":
        """Return the same for numbers of steps, which may be parts of the run's."""
        if self.sequence is None:
            return dataclasses.replace(self, steps=True)
        container, item, length = self.sequence
        return dataclasses.replace(self, sequence=(container, item.in_steps(), length))

    def __str__(self) -> str:
        """Return a phrase such as "a number or a schedule {name: ...}"."""
        parts = [phrase for flag, phrase in PHRASES.items() if getattr(self, flag)]
        if self.number and self.integer:
            parts.remove(PHRASES["integer"])
        parts += [repr(c) if isinstance(c, str) else str(c) for c in self.choices]
        parts += [f"{with_article(kind)} {{name: ...}}" for kind in self.kinds]
        parts += ["{chain: [...]}"] * ("optimizer" in self.kinds)
        if self.record is not None:
            parts.append(f"{{{', '.join(inspect.signature(self.record).parameters)}}}")
        if self.sequence is not None:
            _, item, length = self.sequence
            parts.append(f"a list of {'' if length is None else f'{length}, each '}{item}")
        if self.mapping is not None:
            parts.append("a mapping {key: value}")
        parts += ["null"] * self.none
        *most, last = parts or ["nothing that a config can say"]
        return f"{', '.join(most)} or {last}" if most else last


PHRASES = {
    "anything": "any value",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "text": "text",
    "dtype": "a dtype such as float32",
    "table": "a mapping {key: value}",
    "steps": "a part of the run such as 5%",
}


def accepts(annotation: Any, kinds: Mapping[str, Kind]) -> Accepts:
    """Return what a config may give for a parameter annotated so."""
    if type(annotation).__name__ == "TypeAliasType":
        annotation = annotation.__value__
    if annotation in (inspect.Parameter.empty, Any) or isinstance(annotation, str):
        return Accepts(anything=True)
    for name, kind in kinds.items():
        if makes(annotation, kind.product):
            return Accepts(kinds=(name,))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, Of)]
        return Accepts(kinds=(marks[0].kind,)) if marks else accepts(arguments[0], kinds)
    if origin in (typing.Union, types.UnionType):
        return _union([accepts(member, kinds) for member in arguments], arguments)
    if origin is typing.Literal:
        return Accepts(choices=arguments)
    if origin in (list, tuple, *SEQUENCES) or annotation in (list, tuple):
        return _sequence(origin or annotation, arguments, kinds)
    if origin in MAPPINGS or annotation is dict:
        key, value = (accepts(a, kinds) for a in arguments or (Any, Any))
        return Accepts(mapping=(key, value), opaque=not value.expressible)
    if annotation is Table:
        return Accepts(table=True)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return Accepts(record=annotation)
    return _simple(annotation)


def annotations(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters of ``function``, annotations evaluated one by one.

    ``typing.get_type_hints`` fails for all if it cannot evaluate one. An argument that begins with
    an underscore, and ``**kwargs``, is none of a config's.
    """
    module = sys.modules.get(inspect.unwrap(function).__module__)
    names = getattr(inspect.unwrap(function), "__globals__", vars(module) if module else {})
    parameters = inspect.signature(function).parameters.items()
    public = [(n, p) for n, p in parameters if n[0] != "_" and p.kind is not p.VAR_KEYWORD]
    return {name: p.replace(annotation=evaluate(p.annotation, names)) for name, p in public}


def evaluate(annotation: Any, names: Mapping[str, Any]) -> Any:
    """Return what a postponed annotation stands for, or the text if that is unknown."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(names))
    except Exception:
        return annotation


def _simple(annotation):
    if annotation in (None, types.NoneType):
        return Accepts(none=True)
    if annotation in (str, Path):
        return Accepts(text=True)
    if annotation is np.dtype:
        return Accepts(dtype=True)
    if annotation is collections.abc.Hashable:
        return Accepts(anything=True)
    number, integer, boolean = (annotation is t for t in (float, int, bool))
    known = number or integer or boolean
    return Accepts(number=number, integer=integer, boolean=boolean, opaque=not known)


def _union(members, annotations):
    merged: dict[str, Any] = vars(Accepts()).copy()
    for member in members:
        for name, value in vars(member).items():
            merged[name] = merged[name] or value
    merged["choices"] = tuple(c for m in members for c in m.choices)
    merged["kinds"] = tuple(k for m in members for k in m.kinds)
    if jax.Array in annotations or np.ndarray in annotations:
        merged["boolean"] = False  # An ArrayLike, and `true` is no number.
    if merged["dtype"]:
        merged["text"] = False
    tree = any(m.anything and not m.none for m in members) and _has_function(annotations)
    tree = tree or any(m.opaque and (m.mapping or m.sequence) for m in members)
    if tree:
        return Accepts(opaque=True, none=merged["none"])
    return Accepts(**merged)


def _sequence(container, arguments, kinds):
    members = [a for a in arguments or (Any,) if a is not Ellipsis]
    item = _union([accepts(a, kinds) for a in members], members)
    fixed = container is tuple and arguments and Ellipsis not in arguments
    length = len(members) if fixed else None
    container = tuple if container in SEQUENCES else container
    return Accepts(sequence=(container, item, length), opaque=not item.expressible)


def _has_function(annotations):
    return any(typing.get_origin(a) is collections.abc.Callable for a in annotations)


def makes(annotation: Any, product: Any) -> bool:
    """Tell whether what is annotated so is a ``product``: a class, or a kind of function."""
    if isinstance(annotation, type) and isinstance(product, type):
        return issubclass(annotation, product)
    if isinstance(annotation, type) and typing.get_origin(product) is collections.abc.Callable:
        return "__call__" in vars(annotation)  # A schedule that knows more than its value.
    return annotation == product


STEPS = {
    *("T_0", "T_max", "begin", "boundaries", "duration", "half_period", "milestones", "period"),
    *("stable", "step_size", "step_size_down", "step_size_up", "total_iters", "transition_begin"),
    *("warmup", "decay_steps", "first_decay_steps", "total_steps", "transition_steps"),
}
"""What numbers of steps are called in schedules, here and elsewhere."""


def counts_steps(name: str, kind: str, function: Callable[..., Any]) -> bool:
    """Tell whether an argument is a number of steps, so that it may be a part of the run's."""
    if name == "warmup_steps" or (name == "begin" and kind == "optimizer"):
        return True
    # `decay` is a factor elsewhere.
    beside = name == "decay" and "stable" in inspect.signature(function).parameters
    return kind == "schedule" and (name in STEPS or beside)


def with_article(kind: str) -> str:
    """Return "an optimizer", "a model"."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
