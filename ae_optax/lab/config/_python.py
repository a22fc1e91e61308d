"""Configs that a program gives: mappings with functions and objects where a file has names."""

import hashlib
import inspect
import secrets
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab.config._nodes import Entry, Items, Node, Scalar, Table
from ae_optax.lab.config._own import OBJECT, Code
from ae_optax.lab.config._problems import Where
from ae_optax.lab.config._types import Kind

Given = dict[str, tuple[Callable[..., Any], Code | None]]
"""What a program gives, by the names that its config then has."""

WHERE = Where("config")


@dataclass(frozen=True)
class Program:
    """A program's config.

    Attributes:
        root: What it says, as a file would.
        given: What it gives, by the names that stand there.
    """

    root: Table
    given: Given


def from_python(config: Mapping[str, Any], known: Mapping[str, Kind]) -> Program:
    """Return what a program's config says, and what it gives.

    Args:
        config: Mappings, lists, numbers and text as in a file. A function or a class may stand for
            the name of one, ``{"name": make_model, "width": 3}``, and for such a mapping the thing
            itself: a data set, a model, a schedule; or a class, which needs no arguments then. A
            function goes by where it is defined, and by the text of its definition if that is the
            program or a notebook. What was made already has no such name, but another one each
            time; data sets go by their fingerprints.
        known: What a config can name.
    """
    names = {id(f): n for kind in known.values() for n, f in kind.functions.items()}
    given: Given = {}

    def node(value: Any, key: str = "") -> Node:
        if isinstance(value, Mapping):
            entries = {str(k): Entry(WHERE, node(item, str(k))) for k, item in value.items()}
            return Table(WHERE, entries)
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if type(value) in (list, tuple, range):
            return Items(WHERE, [node(item) for item in value])
        if isinstance(value, Path):
            value = str(value)
        if value is None or isinstance(value, bool | int | float | str):
            return Scalar(WHERE, value, "" if value is None else repr(value))
        makes = key == "name" or inspect.isclass(value)
        name = (names.get(id(value)) or _maker(value, given)) if makes else _thing(value, given)
        word = Scalar(WHERE, name, name)
        return word if key == "name" else Table(WHERE, {"name": Entry(WHERE, word)})

    root = node(dict(config))
    assert isinstance(root, Table)
    return Program(root, given)


def _maker(function: Any, given: Given) -> str:
    """Return what a function is called, and note it if it cannot be found by that."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<>")
    if module != "__main__" and getattr(sys.modules.get(str(module)), name, None) is function:
        return f"{module}:{name}"
    source = None if "<" in name else _source(function)
    if source is None:  # What it closes over is in no text.
        return _noted(function, name.strip("<>"), "", given)
    code = Code(f"./{name}.py", hashlib.sha256(source).hexdigest(), Path(name), source)
    given[f"{code.name}:{name}"] = function, code
    return f"{code.name}:{name}"


def _thing(value: Any, given: Given) -> str:
    """Return what something that was made is called, and note it."""
    label = str(getattr(value, "name", type(value).__name__))
    return _noted(lambda: value, label, getattr(value, "fingerprint", ""), given)


def _noted(make: Callable[..., Any], label: str, tells: str, given: Given) -> str:
    label = "".join(letter for letter in label if letter.isalnum() or letter in "_-")
    name = f"{OBJECT}{label}-{tells[:12] or secrets.token_hex(6)}"
    given[name] = make, None
    return name


def _source(function):
    try:
        return textwrap.dedent(inspect.getsource(function)).encode()
    except (OSError, TypeError):
        return None
