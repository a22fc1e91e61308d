"""From the numbers of a source to the values that models see, and back."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

Standardization = Literal["features", "whole"]


class Scaling(NamedTuple):
    r"""How values are made of the numbers of a source: :math:`x = (s - o) / c`.

    Attributes:
        offset: :math:`o`, one number or one for each feature, float32.
        scale: :math:`c > 0`, likewise.
        by: ``"pixels"``: black became 0 and white 1. ``"features"`` or ``"whole"``: mean and
            deviation of the training vectors, of each feature or of all together. ``"none"``.
    """

    offset: Any = np.float32(0)
    scale: Any = np.float32(1)
    by: Literal["none", "pixels", "features", "whole"] = "none"

    @classmethod
    def recorded(cls, record: Mapping[str, Any]) -> "Scaling":
        """Return the scaling that :meth:`record` tells of; that which does nothing for ``{}``."""
        numbers = {name: np.float32(record[name]) for name in ("offset", "scale") if name in record}
        return cls(by=record.get("by", "none"), **numbers)

    def record(self) -> dict[str, Any]:
        """Return the scaling as JSON has it."""
        return {
            "by": self.by,
            "offset": np.asarray(self.offset).tolist(),
            "scale": np.asarray(self.scale).tolist(),
        }

    def apply(self, numbers: np.ndarray) -> np.ndarray:
        """Return the values, float32, of numbers of the source; those that are such as they are."""
        if numbers.dtype == np.float32 and not np.any(self.offset) and np.all(self.scale == 1):
            return numbers
        if not np.any(self.offset):
            return np.divide(numbers, self.scale, dtype=np.float32)
        moved = np.subtract(numbers, self.offset, dtype=np.float32)
        return np.divide(moved, self.scale, out=moved)

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers of the source, float32, that values were made of."""
        return np.asarray(values, np.float32) * self.scale + self.offset


AS_IT_IS = Scaling()


def of_pixels(black: float, white: float) -> Scaling:
    """Return the scaling that makes ``black`` 0 and ``white`` 1."""
    return Scaling(np.float32(black), np.float32(white - black), "pixels")


def standardized(parts: Iterable[np.ndarray], by: Standardization) -> Scaling:
    r"""Return the scaling that gives vectors mean 0 and deviation 1.

    Args:
        parts: Vectors (n, d), some at a time.
        by: ``"features"``: each feature by its own deviation, one that is constant by 1.
            ``"whole"``: all by the root of their mean variance, so that distances keep their
            proportions.

    Returns:
        The scaling, of sums in float64.
    """
    count, mean, squares = 0, np.zeros([]), np.zeros([])
    for vectors in parts:
        its_mean = vectors.mean(axis=0, dtype=np.float64)
        total, shift = count + len(vectors), its_mean - mean
        squares = squares + np.sum(np.square(vectors - its_mean), axis=0)
        squares += np.square(shift) * (count * len(vectors) / total)
        mean = mean + shift * (len(vectors) / total)
        count = total
    variance = squares / count
    deviation = np.sqrt(variance if by == "features" else variance.mean())
    scale = np.where(deviation > 0, deviation, 1)
    return Scaling(mean.astype(np.float32), scale.astype(np.float32), by)
