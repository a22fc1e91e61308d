"""One's own code: functions that a config names by file or by module."""

import functools
import hashlib
import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ae_optax.lab.config._names import did_you_mean
from ae_optax.lab.config._nodes import Items, Node, Table
from ae_optax.lab.config._problems import Problems
from ae_optax.lab.config._types import Kind, with_article

FILE = re.compile(r"(?P<file>[^:]+\.py):(?P<function>[^:]+)")
OBJECT = "object:"
"""How the names of what a program made begin."""

MODULE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[^:]+)")


@dataclass(frozen=True)
class Code:
    """A file of one's own code.

    Attributes:
        name: How configs call it: ``./model.py``, or a module such as ``package.models``.
        sha256: Of its bytes; what it imports beside is not looked at.
        path: Where it lies.
        source: The bytes.
    """

    name: str
    sha256: str
    path: Path = field(compare=False)
    source: bytes = field(compare=False, repr=False)

    @property
    def file(self) -> str:
        """Return what a copy is called, beside the config that names it."""
        return self.name.removeprefix("./") if self.name.endswith(".py") else f"{self.name}.py"


class OwnCode:
    """Finds and runs the code that one config names, and no other.

    Args:
        expected: The SHA-256 of all code that may be run, by name; ``None``: any that is named.
        given: What is there already, by name, with the code that it is.
    """

    def __init__(
        self,
        expected: Mapping[str, str] | None = None,
        given: Mapping[str, tuple[Callable[..., Any], Code | None]] | None = None,
    ) -> None:
        self.expected, self.given = expected, given or {}
        self.files: dict[str, Path] = {}

    def place(self, node: Node, problems: Problems) -> None:
        """Note where the files are that ``node`` names, and call each ``./file.py``, in place.

        A path is relative to the folder of the config, one on the command line to the working
        folder.
        """
        if isinstance(node, Table):
            for entry in node.entries.values():
                self.place(entry.node, problems)
        elif isinstance(node, Items):
            for item in node.items:
                self.place(item, problems)
        elif isinstance(node.value, str) and (match := FILE.fullmatch(node.value)):
            base = Path(node.where.file).parent if node.where.line else Path()
            try:
                path = (base / Path(match["file"]).expanduser()).resolve()
            except (OSError, RuntimeError, ValueError):  # No such home; a NUL.
                return  # If it is a name, that will be told.
            name = f"./{path.name}"
            if self.files.setdefault(name, path) != path:
                reason = f"two files are called {path.name}, {self.files[name]} and {path}."
                problems.add(node.where, "", f"{reason} Rename one.")
            node.value = node.text = f"{name}:{match['function']}"

    def find(self, name: str) -> tuple[Callable[..., Any], Code | None]:
        """Return the function that ``name`` means, and its code, if it is known.

        Raises:
            ValueError: If there is none; the message says why.
        """
        if name in self.given:
            return self.given[name]
        if name.startswith(OBJECT):

            def gone():
                raise ValueError(f"{name} was made by a program, and is in no file.")

            return gone, None
        if match := FILE.fullmatch(name):
            code = self._read(match["file"], self.files.get(match["file"]))
            module = _run(code)
        elif match := MODULE.fullmatch(name):
            module, code = self._import(match["module"])
        else:
            raise ValueError(f"expected file.py:function or module:function, got {name!r}.")
        function = getattr(module, match["function"], None)
        if not callable(function):
            own = [n for n, f in vars(module).items() if _is_own(f, module)]
            hint = did_you_mean(match["function"], own) or f" It has: {', '.join(own) or 'none'}."
            raise ValueError(f"{code.name} has no function {match['function']!r}.{hint}")
        return function, code

    def _read(self, name, path):
        if path is None:
            raise ValueError(f"{name!r} is no path of a file.")
        if path.exists() and not (path.is_file() or path.is_dir()):  # It could be read for ever.
            raise ValueError(f"{path} must be a file, got a pipe or a device.")
        try:
            source = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
        code = Code(name, hashlib.sha256(source).hexdigest(), path, source)
        if self.expected is not None and self.expected.get(name) != code.sha256:
            said = self.expected.get(name)
            raise ValueError(
                f"{path} is not run: its SHA-256 is {code.sha256[:12]}…, and `code` "
                + (f"says {said[:12]}…." if said else f"does not name {name}.")
            )
        return code

    def _import(self, name):
        if self.expected is not None and name not in self.expected:
            raise ValueError(f"{name} is not run: `code` does not name it.")
        here = str(Path.cwd())
        if not {here, ""} & set(sys.path):  # Where `python -m` looks too; last, it shadows nothing.
            sys.path.append(here)
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError) as error:
            raise ValueError(f"{name} cannot be imported: {error}.") from error
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            raise ValueError(f"there is no module {name!r}, here or installed.")
        code = self._read(name, Path(spec.origin))
        try:
            return importlib.import_module(name), code
        except (Exception, SystemExit) as error:
            raise ValueError(_failed(name, error)) from error


def made_for(kind: Kind, function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function of one's own as one that makes a thing of ``kind``, or raises an error.

    Raises:
        ValueError: If it has no signature.
    """
    try:
        return _checked(function, name, kind.name, kind.product, kind.adapt)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} has no signature that can be read: {error}.") from error


@functools.cache
def _run(code: Code) -> types.ModuleType:
    """Return the module that a file's bytes make; the same bytes are run once."""
    module = types.ModuleType(f"ae_optax_own_{code.sha256[:12]}")
    module.__file__ = str(code.path)
    sys.modules[module.__name__] = module  # Dataclasses look themselves up.
    try:
        exec(compile(code.source, str(code.path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise ValueError(_failed(code.path, error)) from error
    return module


def _failed(name, error):
    return f"{name} cannot be run: {type(error).__name__}: {error}"


def _is_own(value, module):
    return callable(value) and getattr(value, "__module__", None) == module.__name__


@functools.cache
def _checked(function, name, kind, product, adapt):
    """Return ``function`` with what it makes adapted and checked; once, so that it stays equal."""
    inner = adapt(function) if adapt else function

    @functools.wraps(inner)
    def make(*args, **kwargs):
        made = inner(*args, **kwargs)
        fits = isinstance(made, product) if isinstance(product, type) else callable(made)
        if not fits:
            raise TypeError(f"{name} must return {with_article(kind)}, got {made!r:.80}.")
        return made

    return make
