"""A quantity over seeds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Spread(NamedTuple):
    """A quantity over seeds.

    Attributes:
        median: The median.
        lowest: The lowest seed.
        highest: The highest seed.
    """

    median: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


def spread_of(curves: ArrayLike) -> Spread:
    """Return median, lowest and highest over the first axis, that of the seeds.

    Args:
        curves: Shape (seeds, ...). What is not finite counts as infinitely large.
    """
    known = np.asarray(curves, np.float64)
    known = np.where(np.isfinite(known), known, np.inf)
    return Spread(np.median(known, axis=0), known.min(axis=0), known.max(axis=0))
