"""Changes to a config from the command line: ``--set path=value``."""

import re
from collections.abc import Iterable, Sequence

from ae_optax.lab.config._nodes import Entry, Items, Node, Scalar, Table, child, shown
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._yaml import parse

STEP = re.compile(r"\.?([^.\[\]=\s]+)|\[(\d+)\]")


def override(root: Node, overrides: Iterable[str], problems: Problems) -> None:
    """Change ``root`` in place: each override replaces a value or adds one.

    Args:
        root: What a file says.
        overrides: Texts such as ``optimizer.learning_rate=1e-2`` or
            ``compare.contenders[1].learning_rates.count=5``; the value is YAML.
        problems: Where paths that lead nowhere are noted.
    """
    for text in overrides:
        where = Where(f"--set {text}")
        path, equals, value = text.partition("=")
        steps = split(path.strip())
        if not equals or steps is None:
            problems.add(where, "", "expected path=value, as in optimizer.learning_rate=1e-2.")
            continue
        node = parse(value, where, problems)
        if node is not None:
            put(root, steps, node, where, problems)


def split(path: str) -> list[str | int] | None:
    """Return the steps of a path such as ``a.b[1].c``, or ``None`` if it is no path."""
    steps, end = [], 0
    while match := STEP.match(path, end):
        if (not end) == match[0].startswith((".", "[")):
            # The first step is a bare name, all others begin with a sign.
            return None
        steps.append(match[1] if match[2] is None else int(match[2]))
        end = match.end()
    return steps if steps and end == len(path) else None


def put(
    node: Node,
    steps: Sequence[str | int],
    value: Node,
    where: Where,
    problems: Problems,
    path: str = "",
) -> None:
    """Put ``value`` into ``node``, in place, at the end of ``steps``.

    Args:
        node: What is changed.
        steps: To the place in it. Of a mapping with paths for keys, as ``sweep.over`` is one, the
            longest key that they begin with is taken.
        value: What is put there.
        where: What asks for it.
        problems: Where steps that lead nowhere are noted.
        path: Of ``node`` in the config.
    """
    while steps:
        step, steps = steps[0], steps[1:]
        if isinstance(step, int):
            if not isinstance(node, Items) or step >= len(node.items):
                size = f"a list of {len(node.items)}" if isinstance(node, Items) else shown(node)
                problems.add(where, path, f"has no item [{step}]: it is {size}.")
                return
            path = f"{path}[{step}]"
            if not steps:
                node.items[step] = value
            node = node.items[step]
            continue
        if not isinstance(node, Table):
            reason = f"has no key {step!r}: it is {shown(node)}, not a mapping."
            problems.add(where, path, reason)
            return
        step, steps = _key(node, step, steps)
        path = child(path, step)
        entry = node.entries.get(step)
        if not steps:
            node.entries[step] = Entry(where, value)
        elif entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None):
            node.entries[step] = Entry(where, Table(where))
        node = node.entries[step].node


def _key(table: Table, step: str, steps: Sequence[str | int]) -> tuple[str, Sequence[str | int]]:
    """Return the longest key of ``table`` that the steps begin with, or the first, and the rest."""
    key, taken, joined = step, 0, step
    for number, other in enumerate(steps, start=1):
        joined = f"{joined}[{other}]" if isinstance(other, int) else child(joined, other)
        if joined in table.entries:
            key, taken = joined, number
    return key, steps[taken:]
