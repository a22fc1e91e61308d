"""YAML 1.2 scalars over PyYAML's parser; every value remembers its line and column."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from ae_optax.lab.config._problems import ConfigError, Problem, Problems, Where
from ae_optax.lab.config._suggest import did_you_mean

PLAIN = "plain"
MAX_DEPTH = 50
MAX_NODES = 100_000

# YAML 1.2, core schema: `no` is text, `012` is twelve, `1e-3` is a number.
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Scalar:
    """A number, text, boolean or null, and how it was written."""

    where: Where
    value: Any
    text: str


@dataclass
class Number(Scalar):
    """A number that was worked out: an integer argument takes it rounded."""


@dataclass
class Items:
    """A list."""

    where: Where
    items: "list[Node]" = field(default_factory=list)


@dataclass
class Entry:
    """What a mapping holds under one key; ``where`` is the place of the key."""

    where: Where
    node: "Node"


@dataclass
class Table:
    """A mapping; the keys are text, as written."""

    where: Where
    entries: dict[str, Entry] = field(default_factory=dict)


Node: TypeAlias = Scalar | Items | Table


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {None: [(PLAIN, re.compile(""))]}  # noqa: RUF012


def parse(text: str, start: Where, problems: Problems) -> Node | None:
    """Read YAML.

    Args:
        text: One document.
        start: The file; or an option of the command line (``line`` is ``None``), which is then
            the place of everything in ``text``.
        problems: Where duplicate keys and invalid YAML are noted.

    Returns:
        The document, or ``None`` if it cannot be read.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            return Scalar(start, None, "")
        return _Converter(start, problems).convert(root, "", MAX_DEPTH)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(_at(start, mark), "", f"invalid YAML: {_explain(error, mark, text)}.")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        column = error.position - (text.rfind("\n", 0, error.position) + 1)
        where = start if start.line is None else Where(start.file, line + 1, column + 1)
        problems.add(where, "", f"invalid YAML: the character {chr(error.character)!r}.")
    except RecursionError:
        problems.add(start, "", "invalid YAML: nested too deeply.")
    return None


def scalar_value(text: str) -> Any:
    """Return what unquoted ``text`` means in YAML 1.2.

    Raises:
        ValueError: If it is an integer of more digits than Python reads.
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if FLOAT.fullmatch(text):
        return float(text)
    if SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", "", 1))
    return text


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a config file, or raise a one-line :class:`ConfigError`."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"must be text in UTF-8; byte {error.start} is none."
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}.{_similar_file(Path(path))}"
    except ValueError as error:  # A NUL in the name.
        reason = f"cannot be read: {error}."
    raise ConfigError([Problem(str(path), None, None, "", reason)])


class _Converter:
    def __init__(self, start, problems):
        self.start, self.problems, self.count = start, problems, 0

    def convert(self, node, path, depth):
        self.count += 1
        if not depth or self.count > MAX_NODES:  # An anchor may refer to itself.
            raise RecursionError
        where = _at(self.start, node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            children = enumerate(node.value)
            return Items(where, [self.convert(n, f"{path}[{i}]", depth - 1) for i, n in children])
        if isinstance(node, yaml.MappingNode):
            return self.table(node, where, path, depth)
        return self.scalar(node, where, path)

    def table(self, node, where, path, depth):
        table = Table(where)
        for key, value in node.value:
            place = _at(self.start, key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(place, path, "a key must be one word.")
                continue
            below = child(path, key.value)
            if key.value in table.entries:
                first = table.entries[key.value].where
                line = "" if first.line is None else f" (first in line {first.line})"
                self.problems.add(place, below, f"duplicate key '{key.value}'{line}.")
            else:
                table.entries[key.value] = Entry(place, self.convert(value, below, depth - 1))
        return table

    def scalar(self, node, where, path):
        if node.tag not in (PLAIN, "tag:yaml.org,2002:str", "!"):
            self.problems.add(where, path, f"tags are not supported, got {node.tag!r}.")
        if node.tag != PLAIN or node.style is not None:
            return Scalar(where, node.value, repr(node.value))
        try:
            return Scalar(where, scalar_value(node.value), node.value)
        except ValueError:
            self.problems.add(where, path, "too many digits.")
            return Scalar(where, 0, node.value)


def child(path: str, key: str) -> str:
    """Return the path of what ``path`` holds under ``key``."""
    return f"{path}.{key}" if path else key


def _at(start, mark):
    if start.line is None or mark is None:
        return start
    return Where(start.file, mark.line + 1, mark.column + 1)


def _similar_file(path):
    if path.exists() or not path.parent.is_dir():
        return ""
    return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])


def _explain(error, mark, text):
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "a tab cannot indent, use spaces"
    return ", ".join(filter(None, (error.context, error.problem)))
