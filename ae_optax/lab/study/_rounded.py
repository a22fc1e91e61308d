"""Numbers as a file of results keeps them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def rounded(values: ArrayLike, *, digits: int = 4) -> Any:
    """Round a number, or each number of an array, to significant digits.

    Args:
        values: A number or an array, or nested lists; ``None`` counts as not finite.
        digits: How many, at least 1.

    Returns:
        A float or nested lists of floats; ``None`` for each that is not finite.
    """
    array = np.asarray(values, np.float64)
    if array.ndim:
        return [rounded(value, digits=digits) for value in array]
    return float(f"{array:.{digits - 1}e}") if np.isfinite(array) else None
