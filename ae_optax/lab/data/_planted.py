"""Sums of few features of a known dictionary, to find out whether one that is learnt finds them."""

from typing import Any

import numpy as np

from ae_optax._checks import check_non_negative, check_positive, check_positive_integer
from ae_optax.lab.data._dataset import Dataset, make_dataset
from ae_optax.lab.data._random import random_uniform
from ae_optax.lab.data._split import split_positions

MOST = 0.5  # How often the most frequent features are there.
LEVELS = 2**16
BLOCK = 4096


def planted(
    count: int = 20_000,
    *,
    inputs: int = 64,
    features: int = 256,
    active: float = 5.0,
    exponent: float = 1.0,
    noise: float = 0.0,
    validation: int | float = 0.1,
    test: int | float = 0.1,
    seed: int = 0,
) -> Dataset:
    r"""Make vectors that are sums of few of many features, of which few are frequent.

    .. math::

        x = \sum_j s_j c_j d_j + \sigma \varepsilon, \qquad
        s_j \sim \operatorname{Bernoulli}(p_j), \quad p_j = \min(\tfrac12, p\, j^{-a}), \quad
        c_j \sim \mathcal U(\tfrac12, \tfrac32)

    with fixed random directions :math:`d_j` of length 1, see :func:`planted_features`, all draws
    independent, :math:`p` so that :math:`\sum_j p_j` features are there on average, and noise that
    is uniform, of variance 1 in each input.

    Args:
        count: How many vectors, at least 1.
        inputs: Of how many numbers each, at least 1.
        features: How many there are to find, at least 1; usually more than inputs.
        active: How many are there on average; positive and at most half of them.
        exponent: :math:`a \ge 0`: at 0 all are equally frequent.
        noise: :math:`\sigma \ge 0`.
        validation: How many of the vectors for validation: an integer, or a share in [0, 1).
        test: How many to test on, likewise.
        seed: At least 0.

    Returns:
        The data set, (count, inputs), rounded to multiples of :math:`2^{-16}` so that every machine
        makes the same.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If one is out of range.
        DataError: If none is left for training.
    """
    check_positive_integer("count", count)
    check_non_negative("noise", noise)
    directions = planted_features(inputs, features, seed=seed)
    often = frequencies(features, active, exponent)

    def block(number):
        shape = (min(BLOCK, count - number * BLOCK), features)
        there = random_uniform(seed, f"planted/there/{number}", shape) < often
        strengths = np.zeros(shape)
        drawn = random_uniform(seed, f"planted/strength/{number}", (int(there.sum()),))
        strengths[there] = 0.5 + drawn
        grain = 2 * random_uniform(seed, f"planted/noise/{number}", (len(there), inputs)) - 1
        x = strengths @ directions + np.sqrt(3) * noise * grain
        return (np.rint(x * LEVELS) / LEVELS).astype(np.float32)

    vectors = np.concatenate([block(number) for number in range(-(-count // BLOCK))])
    positions = split_positions(count, validation=validation, test=test, seed=seed, where="planted")
    splits = [vectors[i] for i in positions]
    return make_dataset("planted", splits, source="made by ae_optax", attribution="")


def planted_features(inputs: int, features: int, *, seed: int = 0) -> np.ndarray:
    """Return the directions of the features of :func:`planted`, the most frequent first.

    Args:
        inputs: As for :func:`planted`.
        features: Likewise.
        seed: Likewise.

    Returns:
        Vectors of length 1; shape (features, inputs), float64.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If one is out of range.
    """
    check_positive_integer("inputs", inputs)
    check_positive_integer("features", features)
    # Normal draws of two uniform ones, as every machine makes the same of them.
    radius, angle = random_uniform(seed, "planted/directions", (2, features, inputs))
    directions = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def frequencies(features: int, active: float, exponent: Any) -> np.ndarray:
    """Return how often each feature of :func:`planted` is there, the most frequent first."""
    check_positive("active", active)
    check_non_negative("exponent", exponent)
    if active > MOST * features:
        raise ValueError(
            f"`active` must be at most half of the {features} features, got {active!r}."
        )
    falling = np.arange(1, features + 1) ** -float(exponent)
    low, high = 0.0, MOST / falling[-1]
    for _ in range(100):  # Halves of the interval, to the last digit.
        middle = (low + high) / 2
        few = np.minimum(MOST, middle * falling).sum() < active
        low, high = (middle, high) if few else (low, middle)
    return np.minimum(MOST, high * falling)
