"""``ae-optax list`` and ``ae-optax explain``: what there is, and what it does."""

import argparse
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from ae_optax import capturing, lab, observing, optimizers, schedules, transforms
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._plain_text import first_sentence, plain_text
from ae_optax.lab.cli._terminal import say
from ae_optax.lab.config import (
    PREFIX,
    OwnCode,
    Problems,
    Scalar,
    Where,
    accepts,
    annotations,
    catalogue,
    child,
    did_you_mean,
    kinds,
    takes_function,
)
from ae_optax.lab.models import adapt
from ae_optax.lab.plans import SCHEMAS

WIDTH = 100
OPTAX = "Optax's own are accepted as well: optax.lamb, optax.cosine_decay_schedule, ..."


def show_names(arguments: argparse.Namespace) -> int:
    """Print the names of a kind, or of all; return the exit code."""
    return _print(list_names, arguments.kind)


def show_explanation(arguments: argparse.Namespace) -> int:
    """Print what a name means; return the exit code."""
    return _print(explain, arguments.name)


def list_names(kind: str | None = None) -> str:
    """Return the names that a config can use, each with what it does.

    Args:
        kind: ``"optimizers"``, ``"transforms"``, ``"schedules"``, ``"models"``, ``"losses"``,
            ``"corruptions"``, ``"metrics"``, ``"data"``, ``"statistics"``, ``"bases"``,
            ``"roots"``, ``"refreshes"``, ``"views"``, ``"draws"``, ``"compat.torch"``,
            ``"compat.keras"`` or ``"sections"``; ``None`` for all.

    Raises:
        ValueError: If there is no such kind.
    """
    groups = {**catalogue(), "sections": _sections()}
    if kind is None:
        sections = [f"{name}\n{textwrap.indent(_table(g), '  ')}" for name, g in groups.items()]
        return "\n\n".join([*sections, *_added(), OPTAX])
    if kind not in groups:
        hint = did_you_mean(kind, groups)
        raise ValueError(f"unknown kind {kind!r}.{hint} Kinds: {', '.join(groups)}.")
    return _table(groups[kind])


def explain(name: str) -> str:
    """Return signature, documentation and source of what a name means.

    Args:
        name: Of what a config can name, such as ``adam``, ``compat.torch.adam`` or ``optax.lamb``;
            of a section of a config, ``training`` or ``sweep.search``; of a function or class of
            the package, ``describe`` or ``training.fit``; or of one's own, ``./file.py:function``,
            whose file is run.

    Raises:
        ValueError: If there is no such name.
    """
    if ":" in name:
        node, own = Scalar(Where(name), name, name), OwnCode()
        own.place(node, Problems())
        # As a config binds it: a class of Flax is a model, without what it is given.
        return _explain(name, "one's own", adapt(own.find(node.value)[0]))
    groups = dict(catalogue())
    for kind in ("optimizer", "schedule"):
        every = kinds()[kind].functions
        groups[f"{kind} of Optax"] = {n: f for n, f in every.items() if n.startswith(PREFIX)}
    groups["section of a config"] = _sections()
    known = {n for group in groups.values() for n in group}
    found = [(kind, group[name]) for kind, group in groups.items() if name in group]
    found += [("Python", part) for part in _parts(name) if part not in [f for _, f in found]]
    if not found:
        hint = did_you_mean(name, known)
        raise ValueError(f"unknown name {name!r}.{hint} `ae-optax list` shows all names.")
    return "\n\n\n".join(_explain(name, kind, function) for kind, function in found)


def _print(make, argument):
    try:
        say(make(argument))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return OK


def _added() -> Iterator[str]:
    """Yield what installed packages add to each kind."""
    for kind in kinds().values():
        if kind.others:
            lines = (f"  {name}  ({place})" for name, place in sorted(kind.others.items()))
            yield "\n".join([f"{kind.name}, of installed packages", *lines])


def _sections() -> dict[str, type]:
    """Return the sections of configs that have keys of their own, by path."""
    found: dict[str, type] = {}

    def walk(schema, path):
        for name, parameter in annotations(schema).items():
            wanted = accepts(parameter.annotation, {})
            record = wanted.record or (wanted.sequence and wanted.sequence[1].record)
            if record is not None:
                found[child(path, name)] = record
                walk(record, child(path, name))

    for schema in SCHEMAS:
        walk(schema, "")
    return dict(sorted(found.items()))


def _parts(name: str) -> list[Any]:
    """Return the functions and classes of the package that ``training.fit`` or ``fit`` names."""
    rooms = (getattr(lab, word) for word in lab.__all__)
    packages = [
        capturing,
        observing,
        optimizers,
        schedules,
        transforms,
        lab,
        *(room for room in rooms if inspect.ismodule(room)),
    ]
    own = {
        f"{package.__name__.rpartition('.')[2]}.{word}": getattr(package, word)
        for package in packages
        for word in package.__all__
    }
    parts = [part for path, part in own.items() if name in (path, path.rpartition(".")[2])]
    return [part for part in parts if inspect.isfunction(part) or inspect.isclass(part)]


def _table(functions: Mapping[str, Callable[..., Any]]) -> str:
    known = kinds()
    usable = {n: f for n, f in functions.items() if not takes_function(f, known)}
    width = max(map(len, usable), default=0)
    lines = (f"{n:<{width}}  {first_sentence(inspect.getdoc(f) or '')}" for n, f in usable.items())
    return "\n".join(line.rstrip() for line in lines)


def _explain(name, kind, function):
    inherited = (base for base in getattr(function, "__bases__", ()) if is_dataclass(base))
    said = (inspect.getdoc(part) for part in (function, *inherited))
    documentation = "\n\n".join(plain_text(text or "No documentation.") for text in said)
    return f"{_signature(name, function)}\n\n{documentation}\n\nKind: {kind}\n{_source(function)}"


def _signature(name, function):
    signature = inspect.signature(function)
    bare = signature.replace(
        parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
        return_annotation=signature.empty,
    )
    line = f"{name}{bare}"
    if len(line) <= WIDTH:
        return line
    arguments = str(bare)[1:-1].split(", ")
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _source(function):
    function = inspect.unwrap(function)
    file = inspect.getfile(function)
    if not function.__module__.startswith("ae_optax_own"):  # Short: whoever asks has it installed.
        file = function.__module__.replace(".", "/") + ".py"
    return f"Code: {file}, line {inspect.getsourcelines(function)[1]}"
