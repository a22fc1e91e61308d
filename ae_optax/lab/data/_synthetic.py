"""Images made by a known process, for which the best possible errors are known."""

from typing import Any

import numpy as np

from ae_optax._checks import check_in_unit_interval, check_non_negative, check_positive_integer
from ae_optax.lab.data._dataset import Dataset, make_dataset
from ae_optax.lab.data._random import random_uniform
from ae_optax.lab.data._split import split_positions

SHRINK = 0.8  # Of the amplitude from one factor to the next.
VARIANCE, CURVED_VARIANCE = 1 / 3, 4 / 45  # Of z and of z² - 1/3, z uniform in [-1, 1].
LEVELS = 2**16


def synthetic(
    count: int = 2000,
    *,
    size: int = 8,
    factors: int = 4,
    curvature: float = 0.5,
    noise: float = 0.0,
    validation: int | float = 0.1,
    test: int | float = 0.1,
    seed: int = 0,
) -> Dataset:
    r"""Make images of few hidden factors, to find out whether an autoencoder works.

    With hidden factors :math:`z_j` uniform in [-1, 1], independent, fixed smooth patterns
    :math:`B_j, C_j` that are orthonormal (cosines), and :math:`a_j = 0.8^{j-1} a_1`,

    .. math::

        x = \tfrac12 + \sum_{j=1}^{d} a_j \left( z_j B_j
            + \gamma \left(z_j^2 - \tfrac13\right) C_j \right) + \sigma\, \varepsilon

    where :math:`\varepsilon` is uniform noise of variance one in each pixel and :math:`a_1` is the
    largest for which no pixel can leave [0, 1]. The images lie on a curved surface of :math:`d`
    dimensions in a space of :math:`2d` (:math:`d` without curvature). So an autoencoder with
    :math:`d` codes can come down to the noise, and one that is linear cannot: the least that it
    can do is :func:`synthetic_error`. An autoencoder that stays above it has still to be trained,
    or does not work; one that comes below makes use of its nonlinearity.

    Args:
        count: How many images, at least 1.
        size: Height and width, at least 2, with room for the patterns:
            :math:`2 d < \text{size}^2`.
        factors: :math:`d \ge 1`.
        curvature: :math:`\gamma \ge 0`; 0 makes the images an affine function of the factors.
        noise: :math:`\sigma \in [0, 0.28]`, standard deviation, in the unit of the pixels.
        validation: How many of the images for validation: an integer, or a share in [0, 1).
        test: How many to test on, likewise.
        seed: At least 0.

    Returns:
        The data set, (count, size, size), rounded to multiples of :math:`2^{-16}` so that every
        machine makes the same.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If one is out of range.
        DataError: If none is left for training.
    """
    check_positive_integer("count", count)
    means, patterns, _ = _process(size, factors, curvature, noise)
    z = 2 * random_uniform(seed, "synthetic/factors", (count, factors)) - 1
    grain = 2 * random_uniform(seed, "synthetic/noise", (count, size * size)) - 1
    x = means + np.concatenate([z, z**2 - 1 / 3], axis=1) @ patterns + np.sqrt(3) * noise * grain
    x = np.rint(np.clip(x, 0, 1) * LEVELS) / LEVELS
    images = x.astype(np.float32).reshape(count, size, size)
    positions = split_positions(
        count, validation=validation, test=test, seed=seed, where="synthetic"
    )
    splits = [images[i] for i in positions]
    return make_dataset("synthetic", splits, source="made by ae_optax", attribution="")


def synthetic_error(
    codes: int,
    *,
    size: int = 8,
    factors: int = 4,
    curvature: float = 0.5,
    noise: float = 0.0,
) -> float:
    r"""Return the least mean squared error of a linear autoencoder of :func:`synthetic` images.

    It is what principal components reach on unlimited images: with the eigenvalues
    :math:`\lambda_1 \ge \lambda_2 \ge \dots` of the :math:`p` pixels' covariance, which are
    :math:`a_j^2 / 3 + \sigma^2`, :math:`4 \gamma^2 a_j^2 / 45 + \sigma^2` and
    :math:`\sigma^2`,

    .. math::

        \frac1p \sum_{i > k} \lambda_i

    Args:
        codes: :math:`k \ge 0`, numbers in the code.
        size: As for :func:`synthetic`.
        factors: Likewise.
        curvature: Likewise.
        noise: Likewise.

    Returns:
        The error per pixel.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If one is out of range.
    """
    if codes != 0:
        check_positive_integer("codes", codes)
    _, _, variances = _process(size, factors, curvature, noise)
    eigenvalues = np.sort(np.pad(variances, (0, size * size - len(variances))))[::-1] + noise**2
    return float(np.sum(eigenvalues[codes:]) / size**2)


def _process(size: Any, factors: Any, curvature: float, noise: float):
    """Return the mean, the patterns times their amplitudes, and the variance along each."""
    check_positive_integer("size", size)
    check_positive_integer("factors", factors)
    check_non_negative("curvature", curvature)
    check_in_unit_interval("noise", noise)
    if 2 * factors >= size**2:
        raise ValueError(
            f"`factors` must be fewer than half the pixels, size² = {size**2}, got {factors!r}."
        )
    room = 0.5 - np.sqrt(3) * noise
    if room <= 0.01:
        raise ValueError(f"`noise` must be at most 0.28, got {noise!r}.")
    waves = _cosines(size)[1 : 1 + 2 * factors]  # Not the constant, which is the mean's.
    straight, curved = waves[0::2], waves[1::2]
    shares = SHRINK ** np.arange(factors)
    reach = np.max(np.abs(straight), 1) + curvature * (2 / 3) * np.max(np.abs(curved), 1)
    amplitudes = shares * room / np.sum(shares * reach)
    patterns = np.concatenate([amplitudes[:, None] * straight, amplitudes[:, None] * curved])
    patterns[factors:] *= curvature
    variances = np.concatenate(
        [VARIANCE * amplitudes**2, CURVED_VARIANCE * (curvature * amplitudes) ** 2]
    )
    return 0.5, patterns, variances


def _cosines(size: int) -> np.ndarray:
    """Return orthonormal cosine patterns, from slow to fast: (size², size²)."""
    k, x = np.arange(size), np.arange(size)
    wave = np.cos(np.pi * np.outer(k, x + 0.5) / size) * np.sqrt(2 / size)
    wave[0] = np.sqrt(1 / size)
    both = np.einsum("ih,jw->ijhw", wave, wave).reshape(size * size, size * size)
    speed = np.add.outer(k**2, k**2).ravel()
    return both[np.argsort(speed, kind="stable")]
