"""How far a number may be from its best before it costs something."""

from collections.abc import Sequence

import numpy as np


def rate_window(
    rates: Sequence[float], losses: Sequence[float | None] | np.ndarray, *, within: float
) -> tuple[float, float]:
    r"""Return between which rates the loss is at most so many times its least.

    The ends are where straight lines between the measured points, both axes logarithmic, cross
    that level. They are the last rate measured inside where there is none beyond, or where the
    next one diverged.

    Args:
        rates: Learning rates, positive and rising.
        losses: The loss at each, positive; ``None`` or not finite for one that diverged.
        within: How many times the least, at least 1: 1.1 is within 10 %.

    Returns:
        The lowest and the highest rate of the window around the best one.

    Raises:
        ValueError: If every rate diverged.
    """
    known = np.array([np.inf if loss is None else loss for loss in losses], float)
    known[~np.isfinite(known)] = np.inf
    y = np.log(known)
    if not np.isfinite(y).any():
        raise ValueError("`losses` must hold a finite one, got none: every rate diverged.")
    x, best = np.log(np.asarray(rates, float)), int(np.argmin(y))
    level = y[best] + np.log(within)
    low = _crossing(x[best::-1], y[best::-1], level)
    high = _crossing(x[best:], y[best:], level)
    return float(np.exp(low)), float(np.exp(high))


def _crossing(x, y, level):
    """Return where the line through the points first leaves the level, going away from the best."""
    outside = np.flatnonzero(y > level)
    if not outside.size:
        return x[-1]
    first = int(outside[0])
    if not np.isfinite(y[first]):
        return x[first - 1]
    share = (level - y[first - 1]) / (y[first] - y[first - 1])
    return x[first - 1] + share * (x[first] - x[first - 1])
