"""How sure a ranking is: intervals and ranks when the seeds are drawn again and again."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ae_optax.lab.runs import Rank, Uncertainty

LEVEL = 0.95
DRAWS = 10_000
SEED = 0
DRAWN = Uncertainty(
    level=LEVEL,
    draws=DRAWS,
    seed=SEED,
    statistic="median over seeds of the final test loss",
    method="percentile bootstrap over seeds, all contenders at the same drawn seeds",
)

Interval: TypeAlias = tuple[float | None, float | None]


def uncertainty(finals: Sequence[np.ndarray]) -> list[tuple[Interval | None, Rank]]:
    r"""Say how far the seeds determine each contender's median and its rank.

    The :math:`n` seeds are drawn anew :math:`B` times, with replacement and for all contenders
    together, as they met the same seeds. Of each draw there is every contender's median and its
    rank, 1 the lowest, where equals share the mean of their places.

    Args:
        finals: Each contender's final losses, shape (n,), in one order of seeds; what is not
            finite counts as infinitely bad.

    Returns:
        For each contender lowest and highest of the central 95 % of its medians (``None`` for an
        end that was lost to divergence, and instead of both with one seed), and its rank: with the
        seeds as they are, and mean, lowest and highest of the central 95 % over the draws.

    References:
        Efron and Tibshirani, `An Introduction to the Bootstrap
        <https://doi.org/10.1201/9780429246593>`_, chapter 13, 1993.
    """
    if not finals:
        return []
    losses = np.stack([np.where(np.isfinite(x), x, np.inf) for x in finals])
    n = losses.shape[1]
    drawn = np.random.default_rng(SEED).integers(n, size=(DRAWS if n > 1 else 1, n))
    medians = np.median(losses[:, drawn], axis=2)
    ranks, place = _ranks(medians), _ranks(np.median(losses, axis=1)[:, None])[:, 0]
    return [
        (_interval(its) if n > 1 else None, Rank(float(at), float(row.mean()), *_central(row)))
        for its, at, row in zip(medians, place, ranks, strict=True)
    ]


def _interval(medians):
    lowest, highest = (end if np.isfinite(end) else None for end in _central(medians))
    return lowest, highest


def _ranks(losses):
    """Rank along the first axis; equals share the mean of their places."""
    below = np.stack([(losses < row).sum(axis=0) for row in losses])
    equal = np.stack([(losses == row).sum(axis=0) for row in losses])
    return 1 + below + (equal - 1) / 2


def _central(values):
    # Of the values there are, as one cannot interpolate towards infinity.
    tail = (1 - LEVEL) / 2
    return map(float, np.quantile(values, (tail, 1 - tail), method="inverted_cdf"))
