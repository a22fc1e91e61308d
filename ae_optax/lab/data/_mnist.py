"""MNIST and Fashion-MNIST: one format, one shape, two sets of pictures."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab.data._check import check_count
from ae_optax.lab.data._dataset import Dataset, make_dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._idx import LARGEST, header, read_idx, read_images
from ae_optax.lab.data._labels import Labels
from ae_optax.lab.data._npz import npz_names, read_npz
from ae_optax.lab.data._places import (
    TEST,
    TEST_LABELS,
    TRAIN,
    TRAIN_LABELS,
    find,
    image_file,
    labels_file,
)
from ae_optax.lab.data._scaling import of_pixels

WHITE = 255
NPY_HEADER = 1024  # Bytes, at the most.
PARTS = ("training", "test")


class Recipe(NamedTuple):
    """What tells one set from another.

    Attributes:
        name: Name of the function that loads it.
        title: Name in messages.
        layouts: Places below a root. The root itself comes last: it does not say
            which set it holds.
        count: Number of training images.
        checksums: MD5 of the training and test images as uncompressed idx files.
        label_checksums: Likewise of their labels.
        classes: What the labels 0 to 9 mean.
        mirrors: Addresses of folders that hold the compressed idx files.
        attribution: See :class:`Dataset`.
    """

    name: str
    title: str
    layouts: tuple[str, ...]
    count: int
    checksums: tuple[str, str]
    label_checksums: tuple[str, str]
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    attribution: str


MNIST = Recipe(
    name="mnist",
    title="MNIST",
    layouts=("mnist", "MNIST/raw", "mnist.npz", ""),
    count=60000,
    checksums=("6bbc9ace898e44ae57da46a324031adb", "2646ac647ad5339dbf082846283269ea"),
    label_checksums=("a25bea736e30d166cdddb491f175f624", "27ae3e4e09519cfbb04c329615203637"),
    classes=tuple("0123456789"),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    attribution=(
        "Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST Database of Handwritten Digits, "
        "1998, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0)"
    ),
)

FASHION_MNIST = Recipe(
    name="fashion_mnist",
    title="Fashion-MNIST",
    layouts=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw", ""),
    count=60000,
    checksums=("f4a8712d7a061bf5bd6d2ca38dc4d50a", "8181f5470baa50b63fa0f6fddb340f0a"),
    label_checksums=("9018921c3c673c538a1fc5bad174d6f9", "15d484375f8d13e6eb1aabb0c3f46965"),
    classes=(
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
    attribution=(
        "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for "
        "Benchmarking Machine Learning Algorithms, 2017, https://arxiv.org/abs/1708.07747 (MIT)"
    ),
)

RECIPES = {recipe.name: recipe for recipe in (MNIST, FASHION_MNIST)}


def mnist(
    *, path: str | Path | None = None, train: int | None = None, validation: int = 10000
) -> Dataset:
    """Load MNIST from where it lies: 70000 images of handwritten digits, 28×28.

    The set is looked for below the folder that the variable ``AE_OPTAX_DATA`` names, then
    below ``./data``, ``~/data``, ``~/.keras/datasets`` and ``/usr/share/datasets``: there
    in ``mnist/``, ``MNIST/raw/`` (torchvision), ``mnist.npz`` (Keras) and the folder
    itself. The idx files may be compressed (``.gz``). Labels are taken along where they lie
    beside the images. Nothing is downloaded. Grey values, 0 to 255 in the files, are divided by
    255.

    Args:
        path: A folder, or an npz file, to look at instead of all of these.
        train: Number of training images, at least 1: the first ones of those not for
            validation; all of them by default.
        validation: Number of validation images, at least 0: the last ones of the 60000
            training images, of which one at least must be left.

    Returns:
        The data set: ``train``, ``validation`` and 10000 images.

    Raises:
        TypeError: If ``train`` or ``validation`` is not an integer.
        ValueError: If ``train`` or ``validation`` is out of range.
        DataError: If the set is not found (the message lists every path looked at), or
            the first copy found is incomplete, damaged or not MNIST.

    References:
        LeCun, Cortes and Burges, `The MNIST Database of Handwritten Digits
        <http://yann.lecun.com/exdb/mnist/>`_, 1998.
    """
    return load(MNIST, path=path, train=train, validation=validation)


def fashion_mnist(
    *, path: str | Path | None = None, train: int | None = None, validation: int = 10000
) -> Dataset:
    """Load Fashion-MNIST from where it lies: 70000 images of clothes, 28×28.

    The set is looked for below the same folders as :func:`mnist`: there in
    ``fashion_mnist/``, ``fashion-mnist/`` (Keras, Debian), ``FashionMNIST/raw/``
    (torchvision) and the folder itself. All else is as for :func:`mnist`.

    Args:
        path: A folder to look at instead of all of these.
        train: Number of training images, at least 1: the first ones of those not for
            validation; all of them by default.
        validation: Number of validation images, at least 0: the last ones of the 60000
            training images, of which one at least must be left.

    Returns:
        The data set: ``train``, ``validation`` and 10000 images.

    Raises:
        TypeError: If ``train`` or ``validation`` is not an integer.
        ValueError: If ``train`` or ``validation`` is out of range.
        DataError: If the set is not found (the message lists every path looked at), or
            the first copy found is incomplete, damaged or not Fashion-MNIST.

    References:
        Xiao, Rasul and Vollgraf, `Fashion-MNIST: a Novel Image Dataset for Benchmarking
        Machine Learning Algorithms <https://arxiv.org/abs/1708.07747>`_, 2017.
    """
    return load(FASHION_MNIST, path=path, train=train, validation=validation)


def load(
    recipe: Recipe, *, path: str | Path | None, train: int | None = None, validation: int
) -> Dataset:
    """Find, read, verify and split one set."""
    check_count("validation", validation, minimum=0, limit=recipe.count)
    left = recipe.count - validation
    if train is not None:
        check_count("train", train, minimum=1, limit=left + 1)
    place = find(recipe.title, recipe.layouts, path)
    images = read(place)
    for (where, array), checksum, part in zip(images.items(), recipe.checksums, PARTS, strict=True):
        verify(array, checksum, wanted=f"{recipe.title}'s {part} images", where=where)
    first, test = images.values()
    return make_dataset(
        recipe.name,
        (first[:left][:train], first[left:], test),
        source=place,
        scaling=of_pixels(0, WHITE),
        labels=_labels(recipe, place, left, train),
        attribution=recipe.attribution,
    )


def _labels(recipe, place, left, train) -> Labels | None:
    """Return the labels, ``None`` if they do not lie beside the images."""
    found = _archived_labels(place) if place.suffix == ".npz" else _filed_labels(place)
    for (where, array), checksum, part in zip(
        found.items(), recipe.label_checksums, PARTS, strict=bool(found)
    ):
        verify(array, checksum, wanted=f"{recipe.title}'s {part} labels", where=where)
    if not found:
        return None
    first, test = (array.astype(np.int32) for array in found.values())
    return Labels(first[:left][:train], first[left:], test, recipe.classes, known=True)


def read(place: Path) -> dict[str, np.ndarray]:
    """Read the training and the test images, each under the name of its file.

    Raises:
        DataError: If one is missing or damaged, or if they differ in height or width.
    """
    images = _read_archive(place) if place.suffix == ".npz" else _read_folder(place)
    (_, train), (where, test) = images.items()
    if train.shape[1:] != test.shape[1:]:
        sizes = ["×".join(map(str, part.shape[1:])) for part in (train, test)]
        raise DataError(f"{where}: test images are {sizes[1]}, but training images {sizes[0]}.")
    return images


def verify(array: np.ndarray, checksum: str, *, wanted: str, where: str) -> None:
    """Raise unless an array, written as an idx file, has the MD5 ``checksum``.

    The content is compared and not the file: compressed copies differ in their headers.

    Raises:
        DataError: If it has not, with the name of the set it belongs to if known.
    """
    digest = hashlib.md5(header(array), usedforsecurity=False)
    digest.update(np.ascontiguousarray(array).data)
    found = digest.hexdigest()
    if found == checksum:
        return
    for known in RECIPES.values():
        if found in known.checksums:
            part = PARTS[known.checksums.index(found)]
            raise DataError(f"{where}: holds {known.title}'s {part} images, not {wanted}.")
    raise DataError(f"{where}: wrong checksum: {wanted} have MD5 {checksum}, got {found}.")


def _read_folder(folder):
    files = [image_file(folder, stem) for stem in (TRAIN, TEST)]
    return {str(file): read_images(file) for file in files}


def _filed_labels(folder):
    found = [labels_file(folder, stem) for stem in (TRAIN_LABELS, TEST_LABELS)]
    files = [file for file in found if file is not None]
    return {str(file): read_idx(file, 1) for file in files} if len(files) == len(found) else {}


def _archived_labels(file):
    names = ("y_train", "y_test")
    if not set(names) <= set(npz_names(file)):
        return {}
    arrays = read_npz(file, *names, largest=LARGEST)
    return {f"{file}[{n}]": array.astype(np.uint8) for n, array in zip(names, arrays, strict=True)}


def _read_archive(file):
    names = ("x_train", "x_test")
    arrays = read_npz(file, *names, largest=LARGEST + NPY_HEADER)
    for name, array in zip(names, arrays, strict=True):
        if array.dtype != np.uint8 or array.ndim != 3 or array.size == 0:
            kind = f"{array.dtype} of shape {array.shape}"
            raise DataError(f"{file}[{name}]: must be uint8 (n, height, width), got {kind}.")
    return {f"{file}[{name}]": array for name, array in zip(names, arrays, strict=True)}
