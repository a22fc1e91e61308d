"""What a config says: values of YAML 1.2, each with the place where it stands."""

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ae_optax.lab.config._problems import Where

# YAML 1.2, core schema: `no` is text, `012` is twelve, `1e-3` is a number.
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SHARE = re.compile(r"run|(?=.*[1-9])[0-9]+(\.[0-9]+)?%")
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


@dataclass(frozen=True)
class Share:
    """A number of steps, given as a part of the run's: ``5%``, or ``run`` for all of them.

    Attributes:
        text: How it was written.
        steps: How many they are, at least 1; ``None``: the length of the run is not known yet.
    """

    text: str
    steps: int | None = field(default=None, compare=False)

    def of(self, steps: int) -> "Share":
        """Return it for a run of so many steps."""
        part = 1.0 if self.text == "run" else float(self.text.removesuffix("%")) / 100
        return Share(self.text, max(1, round(part * steps)))


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


def key_value(text: str) -> Any:
    """Return the value of a key; one that is no number stays text."""
    try:
        value = scalar_value(text)
    except ValueError:
        return text
    return value if type(value) in (int, float) else text


def anything(node: Node) -> Any:
    """Return the plain value of ``node``, whatever it is."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [anything(item) for item in node.items]
    return {key_value(text): anything(entry.node) for text, entry in node.entries.items()}


def shown(node: Node) -> str:
    """Return how a message names ``node``."""
    if isinstance(node, Scalar):
        text = repr(node.value) if isinstance(node.value, str) else node.text or "nothing"
        return text if len(text) <= 60 else f"{text[:57]}..."
    return "a list" if isinstance(node, Items) else "a mapping"


def child(path: str, key: str) -> str:
    """Return the path of what ``path`` holds under ``key``."""
    return f"{path}.{key}" if path else key
