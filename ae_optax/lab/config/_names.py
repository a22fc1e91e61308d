"""Names looked up: a mistyped one is a problem, and is then read as what was meant."""

import itertools
from collections.abc import Iterable, Mapping

from ae_optax._renamed import ARGUMENTS
from ae_optax.lab.config._nodes import Entry, Node, Scalar, Table, child, shown
from ae_optax.lab.config._problems import Problems
from ae_optax.lab.config._types import Kind

FEW = 12
MOST = 50
LONGEST = 100
"""No name is longer, and a longer word is none that was mistyped."""


def match(
    entries: Mapping[str, Entry],
    parameters: Iterable[str],
    name: str | None,
    path: str,
    problems: Problems,
) -> dict[str, Entry]:
    """Return the entries by the parameters they are for.

    Args:
        entries: What is given.
        parameters: The names there are.
        name: The function they belong to; ``None`` for a section, whose names are keys.
        path: Of the mapping.
        problems: Where unknown names are noted.
    """
    parameters = list(parameters)
    given = {key: entry for key, entry in entries.items() if key in parameters}
    unknown = {key: entry for key, entry in entries.items() if key not in given}
    for number, (key, entry) in enumerate(unknown.items()):
        if number == MOST:
            problems.add(entry.where, path, f"and {len(unknown) - number} more unknown names.")
            break
        if name is None:
            noun = "key" if path else "section"
            reason, known = f"unknown {noun} {key!r}.", f"{noun.capitalize()}s"
        else:
            reason, known = f"{name} has no argument {key!r}.", "Arguments"
        names = ", ".join(parameters) or "none"
        now = ARGUMENTS.get((name or "", key))
        hint = f" It is {now!r} now." if now else did_you_mean(key, parameters)
        problems.add(entry.where, child(path, key), f"{reason}{hint} {known}: {names}.")
        for guess in [now] if now else nearest(key, parameters)[:1]:
            given.setdefault(guess, entry)
    return given


def find_head(
    node: Table, kinds: tuple[str, ...], path: str, problems: Problems
) -> tuple[str, str] | None:
    """Return ``name`` or ``chain``, whichever makes ``node`` a call, and how it is spelt there."""
    heads = ("name", "chain") if "optimizer" in kinds else ("name",)
    for head in heads:
        if head in node.entries:
            return head, head
    for key, entry in itertools.islice(node.entries.items(), MOST):
        for guess in nearest(key, heads)[:1]:
            reason = f"unknown key {key!r}. Did you mean {guess!r}?"
            problems.add(entry.where, child(path, key), reason)
            return guess, key
    reason = f"the key {' or '.join(map(repr, heads))} is missing: which {kinds[0]}?"
    problems.add(node.where, path, reason)
    return None


def look_up(
    node: Node, kinds: Iterable[Kind], path: str, problems: Problems
) -> tuple[str, Kind] | None:
    """Return the name that ``node`` is and the kind that has a function of this name."""
    owners = {name: kind for kind in kinds for name in (*kind.others, *kind.functions)}
    name = node.value if isinstance(node, Scalar) else None
    if not isinstance(name, str):
        problems.add(node.where, path, f"expected the name of a function, got {shown(node)}.")
        return None
    if ":" in name:  # One's own.
        return name, next(iter(kinds))
    if name not in owners:
        known = [own for own in owners if "." not in own]
        others = f"Known: {', '.join(known)}." if len(known) <= FEW else "See `ae-optax list`."
        near = nearest(name, owners) if len(problems) < MOST else []  # More are hardly looked at.
        sort = " or ".join(kind.name for kind in kinds)
        problems.add(node.where, path, f"unknown {sort} {name!r}.{_meant(near) or f' {others}'}")
        name = near[0] if near else None
    return None if name is None else (name, owners[name])


def nearest(word: str, candidates: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the candidates that ``word`` may have been meant for, all equally near.

    Near is a small edit distance for the length of the word. Failing that, initials
    (``lr`` for ``learning_rate``) and beginnings (``dec`` for ``decay``) count.
    """
    candidates = sorted(candidates) if len(word) <= LONGEST else []
    scores = {name: _score(word, name) for name in candidates}
    limit = max(1, len(word) // 3) + 0.5
    best = min(scores.values(), default=limit + 1)
    if best <= limit:
        return [name for name in candidates if scores[name] == best][:count]
    return [name for name in candidates if _abbreviates(word, name)][:count]


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return " Did you mean ...?" with the nearest candidates, or nothing."""
    return _meant(nearest(word, candidates))


def _meant(names):
    return f" Did you mean {' or '.join(map(repr, names))}?" if names else ""


def distance(a: str, b: str) -> int:
    """Return how many insertions, deletions, replacements and swaps of neighbours differ."""
    before, previous = [], list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, previous = previous, row
    return previous[-1]


def _score(word, name):
    word, name = word.lower().replace("-", "_"), name.lower()
    whole = distance(word, name)
    if "." not in name:
        return whole
    # A forgotten prefix is a smaller mistake than a wrong name.
    return min(whole, distance(word, name.rpartition(".")[2]) + 0.5)


def _abbreviates(word, name):
    word, bare = word.lower(), name.rpartition(".")[2]
    initials = "".join(part[0] for part in bare.split("_") if part)
    return len(word) > 1 and (word == initials or bare.startswith(word) or word in bare.split("_"))
