"""What is on the images, where the source tells."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.data._errors import DataError, printable


class Labels(NamedTuple):
    """The class of every image or vector of a set.

    Attributes:
        train: Positions in ``classes``, one for each training image; shape (n,), int32.
        validation: Likewise.
        test: Likewise.
        classes: Names of the classes.
        known: Whether they are the same wherever the images are, by a checksum: they are then no
            part of the set's fingerprint, so that it does not depend on whether they are there.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    classes: tuple[str, ...]
    known: bool = False

    @property
    def of(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The positions of the three splits."""
        return self.train, self.validation, self.test


def label_splits(
    given: Mapping[str, Any], counts: Mapping[str, int], *, where: str
) -> Labels | None:
    """Return the labels of a set, ``None`` for none.

    Args:
        given: By split, one label for each image: numbers or words; empty if there are none.
        counts: How many images each split has.
        where: The file or argument, with which a message begins.

    Raises:
        DataError: If they are labels of some splits only, or not one for each image.
    """
    if not given:
        return None
    missing = [split for split, count in counts.items() if count and split not in given]
    if missing:
        raise DataError(
            f"{where}: must have labels of all splits or of none, got none for {missing[0]}."
        )
    arrays = [
        check_labels(given[split], count, split=split, where=where) if count else np.asarray([])
        for split, count in counts.items()
    ]
    names, positions = np.unique(
        np.concatenate([part for part in arrays if len(part)]), return_inverse=True
    )
    parts = np.split(positions.astype(np.int32), np.cumsum([len(part) for part in arrays])[:-1])
    classes = tuple(printable(str(name)) for name in names.tolist())
    return Labels(parts[0], parts[1], parts[2], classes)


def check_labels(labels: Any, count: int, *, split: str, where: str) -> np.ndarray:
    """Return labels as an array.

    Raises:
        DataError: If they are not one whole number or word for each of ``count`` images.
    """
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise DataError(
            f"{where}: must have one label for each of {count} {split} images, got labels of "
            f"shape {labels.shape}."
        )
    if labels.dtype.kind not in "iubU":
        raise DataError(f"{where}: labels must be whole numbers or words, got {labels.dtype}.")
    return labels
