"""The 8×8 digits, part of the package: always there, and small enough for seconds."""

from pathlib import Path

import numpy as np

from ae_optax.lab.data._check import check_count
from ae_optax.lab.data._dataset import Dataset, fingerprint, make_dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._labels import Labels
from ae_optax.lab.data._npz import read_npz
from ae_optax.lab.data._scaling import of_pixels

# Made once from scikit-learn's copy: `images` and `labels` in the order of the UCI file,
# `order` from `numpy.random.default_rng(0).permutation(1797)`. The permutation is stored
# because NumPy may change that stream.
FILE = Path(__file__).with_name("digits.npz")
FINGERPRINT = "ab011ac89c4dc3d91c90e49ba72e9608e6b6441eb938d3006504516cd5c7ba97"
COUNT = 1797
WHITE = 16
CLASSES = tuple("0123456789")

ATTRIBUTION = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
    "Learning Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0)"
)


def digits(*, validation: int = 180, test: int = 360) -> Dataset:
    """Load the 1797 embedded 8×8 images of handwritten digits.

    The images are put into one fixed random order, because in the file neighbours
    share a writer:
    the last ``test`` of them are the test images, the ``validation`` before those the
    validation images, the rest is for training. The test images therefore do not depend
    on ``validation``. Grey values, 0 to 16 in the file, are divided by 16.

    Args:
        validation: Number of validation images, at least 0.
        test: Number of test images, at least 1; one training image at least must be left.

    Returns:
        The data set, images of 8×8 with their labels.

    Raises:
        TypeError: If ``validation`` or ``test`` is not an integer.
        ValueError: If ``validation`` or ``test`` is out of range.
        DataError: If the package's file is missing or damaged.

    References:
        Alpaydin and Kaynak, `Optical Recognition of Handwritten Digits
        <https://doi.org/10.24432/C50P49>`_, UCI Machine Learning Repository, 1998.
    """
    check_count("test", test, minimum=1, limit=COUNT)
    check_count("validation", validation, minimum=0, limit=COUNT - test)
    images, labels = read_digits(FILE)
    ends = [COUNT - test - validation, COUNT - test]
    parts = Labels(*np.split(labels.astype(np.int32), ends), classes=CLASSES, known=True)
    about = {"source": FILE, "scaling": of_pixels(0, WHITE), "attribution": ATTRIBUTION}
    return make_dataset("digits", np.split(images, ends), labels=parts, **about)


def read_digits(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the images, bytes, and what is on them, in the order of the splits."""
    images, labels, order = read_npz(file, "images", "labels", "order")
    if fingerprint(images, labels, order) != FINGERPRINT:
        raise DataError(f"{file}: wrong checksum; install the package again.")
    return images[order], labels[order]
