"""What a data set is, and what its images must be."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.runs import DataRecord


class DataError(ValueError):
    """Data that cannot be used: one line that names the file or the array."""

    def __init__(self, message: str):
        super().__init__(printable(message))


class Dataset(NamedTuple):
    """Images in memory, split once and for all.

    Attributes:
        name: Name of the set, that of the function which loads it.
        train: Images to fit, float32 in [0, 1], of shape (n, height, width) or, with colours,
            (n, height, width, channels).
        validation: Images to choose hyperparameters on; like ``train``, may be none.
        test: Images to report on; like ``train``.
        source: The folder or file where the set was found.
        fingerprint: SHA-256 of the three splits, see :func:`fingerprint`.
        attribution: Authors, title, year and licence, to be shown with results.
        passed_over: What lay there and was not taken, in words; ``""`` for nothing.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    source: str
    fingerprint: str
    attribution: str
    passed_over: str = ""


def fingerprint(*arrays: np.ndarray) -> str:
    """Hash arrays: their order, dtypes, shapes and bytes.

    Two data sets with one fingerprint hold the same images in the same splits,
    wherever they were found.

    Args:
        *arrays: Any number of arrays, of any shape and of plain (not object) dtype.

    Returns:
        The SHA-256 digest in hexadecimal, 64 characters.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def make_dataset(
    name: str,
    splits: Sequence[np.ndarray],
    *,
    source: str | Path,
    attribution: str,
    passed_over: str = "",
) -> Dataset:
    """Put the three ``splits`` (training, validation, test) into a data set."""
    train, validation, test = splits
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=test,
        source=printable(str(source)),
        fingerprint=fingerprint(train, validation, test),
        attribution=attribution,
        passed_over=printable(passed_over),
    )


def describe_data(data: Dataset) -> DataRecord:
    """Return what a record says of a data set."""
    return DataRecord(
        name=data.name,
        source=data.source,
        fingerprint=data.fingerprint,
        attribution=data.attribution,
        train=len(data.train),
        validation=len(data.validation),
        test=len(data.test),
        shape=list(data.train.shape[1:]),
        passed_over=data.passed_over,
    )


def printable(text: str) -> str:
    """Return text whose parts that are no UTF-8, as names of files may have, are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_images(images: Any, *, name: str) -> None:
    """Raise unless ``images`` can be trained on as it is.

    Args:
        images: What should be a NumPy array, float32, in [0, 1], of shape (n, height, width) or
            (n, height, width, channels).
        name: The file or argument it came from, with which the message begins.

    Raises:
        DataError: If ``images`` is no NumPy array, is not float32 or of another rank,
            holds no pixel, or holds a pixel that is not finite or lies outside [0, 1].
    """
    if not isinstance(images, np.ndarray):
        raise DataError(f"{name}: images must be a NumPy array, got {type(images).__name__}.")
    if images.dtype != np.float32:
        raise DataError(f"{name}: images must be float32 in [0, 1], got {images.dtype}.")
    if images.ndim not in (3, 4):
        raise DataError(
            f"{name}: images must be (n, height, width) or (n, height, width, channels), "
            f"got shape {images.shape}."
        )
    if images.size == 0:
        raise DataError(f"{name}: images must hold at least one pixel, got shape {images.shape}.")
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # A NaN anywhere is the minimum.
        raise DataError(
            f"{name}: pixels must be finite, got {_first(~np.isfinite(images), images)}."
        )
    if low < 0 or high > 1:
        outside = _first((images < 0) | (images > 1), images)
        raise DataError(f"{name}: pixels must lie in [0, 1], got {outside}.")


def check_count(name: str, value: Any, *, minimum: int, limit: int) -> None:
    """Raise unless ``value`` is an integer in [``minimum``, ``limit``)."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer, got {value!r}.")
    if not minimum <= value < limit:
        raise ValueError(f"`{name}` must lie in [{minimum}, {limit}), got {value!r}.")


def to_unit_interval(images: np.ndarray, *, white: float) -> np.ndarray:
    """Map the numbers 0 to ``white`` to float32 in [0, 1]."""
    return np.divide(images, np.float32(white), dtype=np.float32)


def _first(bad, images):
    position = tuple(np.argwhere(bad)[0].tolist())
    words = ("image", "row", "column", "channel")
    place = ", ".join(f"{word} {i}" for word, i in zip(words, position, strict=False))
    return f"{images[position]} at {place}"
