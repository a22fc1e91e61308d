"""The names nearest to a mistyped one."""

from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the candidates that ``word`` may have been meant for, all equally near.

    Near is a small edit distance for the length of the word. Failing that, initials
    (``lr`` for ``learning_rate``) and beginnings (``dec`` for ``decay``) count.
    """
    candidates = sorted(candidates)
    scores = {name: _score(word, name) for name in candidates}
    limit = max(1, len(word) // 3) + 0.5
    best = min(scores.values(), default=limit + 1)
    if best <= limit:
        return [name for name in candidates if scores[name] == best][:count]
    return [name for name in candidates if _abbreviates(word, name)][:count]


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return " Did you mean ...?" with the nearest candidates, or nothing."""
    names = nearest(word, candidates)
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
