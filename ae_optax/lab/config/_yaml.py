"""Text becomes nodes, and plain values become text that YAML 1.1 and 1.2 read the same."""

import os
import re
import stat
from pathlib import Path
from typing import Any, Protocol

import yaml

from ae_optax.lab.config._names import did_you_mean
from ae_optax.lab.config._nodes import (
    FLOAT,
    INTEGER,
    Entry,
    Items,
    Node,
    Scalar,
    Table,
    child,
    scalar_value,
)
from ae_optax.lab.config._problems import ConfigError, Problem, Problems, Where

PLAIN = "plain"
TEXT = "tag:yaml.org,2002:str"
STANDARD = (TEXT, "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map", "!")
TABS = re.compile(r"^[\t ]+", re.MULTILINE)
MAX_DEPTH = 50
MAX_NODES = 100_000
MAX_BYTES = 2**24


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
    if text.lstrip().startswith("{"):  # JSON, whose lines tabs may indent.
        text = TABS.sub(lambda indent: " " * len(indent[0]), text)
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


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a config file, or raise a one-line :class:`ConfigError`."""
    try:
        return _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"must be text in UTF-8; byte {error.start} is none."
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}.{_similar_file(Path(path))}"
    except ValueError as error:  # A NUL in the name.
        reason = f"cannot be read: {error}."
    raise ConfigError([Problem(str(path), None, None, "", reason)])


def _read_bytes(path):
    """Return what a file holds, or what comes from a pipe if there is somebody who writes to it."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        number = file.fileno()
        try:
            start = os.read(number, 1)
        except BlockingIOError:  # The other end has not written yet.
            start = b""
        else:
            if not start and stat.S_ISFIFO(os.fstat(number).st_mode):
                raise OSError(None, "it is a pipe that nobody writes to")
        os.set_blocking(number, True)
        content = start + file.read(MAX_BYTES)
        if len(content) > MAX_BYTES:
            raise OSError(None, f"it has more than {MAX_BYTES} bytes")
        return content


class HasPlain(Protocol):
    """A config of any sort."""

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
        ...


def dump(config: HasPlain) -> str:
    """Return the config as YAML, every default written; loading it gives the same config."""
    return yaml.dump(
        config.plain(),
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )


class _Converter:
    def __init__(self, start, problems):
        self.start, self.problems, self.count = start, problems, 0

    def convert(self, node, path, depth):
        self.count += 1
        if not depth or self.count > MAX_NODES:  # An anchor may refer to itself.
            raise RecursionError
        where = _at(self.start, node.start_mark)
        if node.tag not in (PLAIN, *STANDARD):
            self.problems.add(where, path, f"tags are not supported, got {node.tag!r}.")
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
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (PLAIN, TEXT):
                self.problems.add(place, path, "a key must be one word, without a tag.")
                continue
            below = child(path, key.value)
            if key.value == "<<" and key.style is None:
                reason = "YAML 1.2 has no merge keys: write out what it stands for."
                self.problems.add(place, below, reason)
                continue
            if key.value in table.entries:
                first = table.entries[key.value].where
                line = "" if first.line is None else f" (first in line {first.line})"
                self.problems.add(place, below, f"duplicate key '{key.value}'{line}.")
            else:
                table.entries[key.value] = Entry(place, self.convert(value, below, depth - 1))
        return table

    def scalar(self, node, where, path):
        if node.tag != PLAIN or node.style is not None:
            return Scalar(where, node.value, repr(node.value))
        try:
            return Scalar(where, scalar_value(node.value), node.value)
        except ValueError:
            self.problems.add(where, path, "too many digits.")
            return Scalar(where, 0, node.value)


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


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version would read as a number, and writes no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        del data
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Escape what is not printable: PyYAML writes some line breaks as they are."""
        style = None if data.isprintable() else '"'
        return self.represent_scalar(TEXT, data, style=style)


_Dumper.add_representer(str, _Dumper.text)
for _tag, _pattern in (("float", FLOAT), ("int", INTEGER)):
    _Dumper.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"(?:{_pattern.pattern})\\Z"),
        list("-+.0123456789"),
    )
