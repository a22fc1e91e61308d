"""Features that are there as often as they are told to be."""

import numpy as np
from numpy.typing import ArrayLike

from ae_optax._checks import check_seed


def sparse_signs(frequencies: ArrayLike, examples: int, *, seed: int) -> np.ndarray:
    r"""Draw features that are a random sign with a given probability, and else zero.

    They are independent with mean zero, so that the expected loss of a linear model around its
    best weights is a bowl along the axes, of curvatures :math:`f`:
    :math:`\tfrac{1}{2} \sum_i f_i (w_i - w^*_i)^2` above the least.

    Args:
        frequencies: :math:`f \in [0, 1]`, shape (n,).
        examples: How many, at least 0.
        seed: Of the draw, in [0, 2³¹).

    Returns:
        -1, 0 or 1, shape (examples, n), float64.

    Raises:
        ValueError: If a frequency is outside [0, 1], or the seed out of its range.
    """
    check_seed("seed", seed)
    frequencies = np.asarray(frequencies, np.float64)
    if not np.all((frequencies >= 0) & (frequencies <= 1)):
        raise ValueError(f"`frequencies` must lie in [0, 1], got {frequencies.tolist()}.")
    draw = np.random.default_rng(seed).uniform(-1, 1, (examples, *frequencies.shape))
    return np.where(np.abs(draw) < frequencies, np.sign(draw), 0.0)
