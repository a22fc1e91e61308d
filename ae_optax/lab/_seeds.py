"""What a few seeds can tell: an interval for a median, and which of two contenders is ahead.

Both are the sign test: a contender whose seeds are those of another is compared with it seed by
seed, and of two equal ones each is the lower with a seed as a coin falls.
"""

import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.95
"""What an interval must cover to be called one."""


def wins_needed(n: int) -> int:
    """Return with how many of ``n`` seeds a contender must be the lower one to be ahead.

    The fewest with which it is so by chance in at most 5 % of cases, counting both sides; of fewer
    seeds than suffice for that, six, all.
    """
    return next((wins for wins in range(n // 2 + 1, n) if coverage(n, wins) >= LEVEL), n)


def coverage(n: int, wins: int | None = None) -> float:
    """Return how often fewer of ``n`` fair coins than ``wins`` fall on the same side.

    It is how often the interval between the ``wins``-th lowest and the ``wins``-th highest of ``n``
    seeds covers the median of all there could be.
    """
    wins = wins_needed(n) if wins is None else wins
    return 1 - 2 * sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n


def enough(n: int) -> bool:
    """Tell whether ``n`` seeds are enough for an interval of 95 %, and not for a range only."""
    return coverage(n) >= LEVEL


def interval(values: Sequence[float]) -> tuple[float | None, float | None] | None:
    """Return an interval for the median, or the range where the seeds are not :func:`enough`.

    Args:
        values: One a seed; what is not finite counts as infinitely bad.

    Returns:
        Its ends, ``None`` for one that is not finite; ``None`` for one seed.
    """
    n, sound = len(values), np.sort(_worst_if_lost(values))
    if n < 2:
        return None
    wins = wins_needed(n)
    low, high = (float(end) if np.isfinite(end) else None for end in sound[[n - wins, wins - 1]])
    return low, high


def ahead(a: Sequence[float], b: Sequence[float]) -> bool:
    """Tell whether ``a`` is lower than ``b`` with as many seeds as are needed; never with one.

    Args:
        a: Losses, one a seed; what is not finite counts as infinitely bad.
        b: Those of another contender, in the same order of seeds.
    """
    wins = int(np.sum(_worst_if_lost(a) < _worst_if_lost(b)))
    return len(a) > 1 and wins >= wins_needed(len(a))


def places(losses: Sequence[Sequence[float]]) -> list[tuple[float, float, float]]:
    """Return each contender's place by its median, and the first and last that it may have.

    Places count from 1, and equals share the mean of theirs. Nobody may be before those who are
    :func:`ahead` of him, nor behind those whom he is ahead of.
    """
    medians = [float(np.median(_worst_if_lost(its))) for its in losses]
    found = []
    for mine, median in zip(losses, medians, strict=True):
        place = 1 + sum(m < median for m in medians) + (medians.count(median) - 1) / 2
        first = 1 + sum(ahead(other, mine) for other in losses)
        last = len(losses) - sum(ahead(mine, other) for other in losses)
        found.append((place, min(place, float(first)), max(place, float(last))))
    return found


def _worst_if_lost(values):
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), values, np.inf)
