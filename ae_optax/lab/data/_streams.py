"""Data sets larger than memory: only what is measured on is held, the rest is read in time."""

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax._checks import check_one_of, check_positive_integer
from ae_optax.lab.data._arrays import to_stored
from ae_optax.lab.data._dataset import Dataset, make_dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._image_files import read_pixels
from ae_optax.lab.data._image_folder import folder_labels, split_folder
from ae_optax.lab.data._optional import optional
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._rows import OrderedRows, Rows, Source, read_each
from ae_optax.lab.data._scaling import Scaling, Standardization, standardized
from ae_optax.lab.data._split import split_positions

RECORDS = (".array_record", ".arrayrecord")
AT_ONCE = 4096
"""Vectors that are read at a time to find their mean and deviation."""


def stream(
    path: str | Path,
    *,
    validation: int | float = 1000,
    test: int | float = 1000,
    black: float = 0.0,
    white: float | None = None,
    standardize: Standardization | None = None,
    grey: bool = True,
    seed: int = 0,
    attribution: str = "",
) -> Dataset:
    """Train on a file or a folder that need not fit into memory.

    Training reads ahead of its use what a few steps need. Every epoch has its own random order, the
    one that it would have in memory, and the same numbers come out.

    Args:
        path: An ``.npy`` file, which is mapped; a folder of images, whole and of one size, as for
            :func:`image_folder`; or an ``.array_record`` file of images, or of arrays as
            ``numpy.save`` writes them. Found as :func:`arrays` finds its file.
        validation: How many for validation, in memory: an integer, or a share in [0, 1).
        test: How many to test on, likewise.
        black: Of arrays of images, what becomes 0.
        white: Of these, what becomes 1; as for :func:`arrays`.
        standardize: Give vectors mean 0 and deviation 1, as for :func:`arrays`; all are read once.
        grey: Of image files, one channel; else three.
        seed: Of the random order in which they are split, at least 0.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set. Its fingerprint is of what is measured on, and of 4096 of the training images
        at even distances.

    Raises:
        TypeError: If a number is none.
        ValueError: If one is out of range, or an option is not for such data.
        DataError: If it is missing, damaged or holds something else, if none is left for training
            or testing, or if a package is not installed that it needs.
    """
    place = find_path(path)
    options: Any = {"black": black, "white": white, "standardize": standardize}
    amounts: Any = {"validation": validation, "test": test, "seed": seed}
    about: Any = {"name": "stream", "source": str(place), "attribution": attribution}
    if place.is_dir():
        if (black, white, standardize) != (0.0, None, None):
            raise ValueError(
                "`black`, `white` and `standardize` are of arrays, and "
                f"{place} is a folder of images: leave them out."
            )
        return _of_folder(place, grey, amounts, about)
    if place.suffix == ".npy":
        return _of_source(_Mapped(place), options, amounts, about)
    if place.suffix in RECORDS:
        return _of_source(_Records(place, grey), options, amounts, about)
    raise DataError(f"{place}: must be an npy or array_record file, or a folder of images.")


def from_source(
    train: Source,
    *,
    validation: int | float = 1000,
    test: int | float = 1000,
    black: float = 0.0,
    white: float | None = None,
    standardize: Standardization | None = None,
    seed: int = 0,
    name: str = "source",
    attribution: str = "",
) -> Dataset:
    """Train on what a program can read anywhere, and what need not fit into memory.

    Args:
        train: Has a length, and at each position an image or a vector, the same whenever it is
            asked for, by several threads: a list, a memory-mapped array, a data source or
            ``MapDataset`` of Grain.
        validation: How many of these for validation, in memory; an integer, or a share in [0, 1).
        test: How many to test on, likewise.
        black: As for :func:`from_arrays`, like all others.
        white: What becomes 1.
        standardize: What is done to vectors; all are read once.
        seed: Of the random order in which they are split, at least 0.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set, as :func:`stream` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If one is out of range, or an option is not for such data.
        DataError: If it holds neither images nor vectors, or none is left for training or testing.
    """
    options: Any = {"black": black, "white": white, "standardize": standardize}
    amounts: Any = {"validation": validation, "test": test, "seed": seed}
    about: Any = {"name": name, "source": "memory", "attribution": attribution}
    return _of_source(train, options, amounts, about)


def from_generator(
    train: Callable[[], Iterator[np.ndarray]] | Iterable[np.ndarray],
    count: int,
    *,
    validation: int = 1000,
    test: int = 1000,
    black: float = 0.0,
    white: float | None = None,
    name: str = "generator",
    attribution: str = "",
) -> Dataset:
    """Train on what comes one after the other, and what need not fit into memory.

    Every epoch keeps the order in which it comes: it should come in a random one.

    Args:
        train: Begun anew for every epoch, it yields images or vectors, the same each time: a
            function that returns an iterator, or what can be iterated again, an ``IterDataset`` of
            Grain for instance.
        count: How many it yields, those for validation and testing among them.
        validation: How many for validation, in memory: those that come after the ones to test on.
        test: How many to test on: the first that come.
        black: As for :func:`from_arrays`, like all others.
        white: What becomes 1.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set, as :func:`stream` says; its fingerprint is of the first that come.

    Raises:
        TypeError: If a number is no integer, or ``train`` can be iterated only once.
        ValueError: If one is out of range.
        DataError: If it yields fewer, or neither images nor vectors.
    """
    check_positive_integer("test", test)
    check_positive_integer("count", count)
    if isinstance(train, Iterator):
        raise TypeError(
            "`train` must begin anew for every epoch, got an iterator: pass a function."
        )
    begin: Any = train if callable(train) and not isinstance(train, Iterable) else train.__iter__
    held, left = test + validation, count - test - validation
    if left < 1:
        raise DataError(
            f"`count` must leave one for training at least, got {count} of which {held} are held."
        )
    some = list(itertools.islice(begin(), held))
    if len(some) < held:
        raise DataError(f"`train` must yield {count} images or vectors, got {len(some)}.")
    scale = {"black": black, "white": white}
    stored, scaling = to_stored(np.stack(some), **scale, copy=False, name="`train`")

    def row(item):
        return to_stored(np.asarray(item)[None], **scale, copy=False, name="`train`")[0]

    rows = OrderedRows(lambda: itertools.islice(begin(), held, None), left, row)
    splits: Any = [rows, stored[test:], stored[:test]]
    return make_dataset(name, splits, source="memory", scaling=scaling, attribution=attribution)


class _Mapped:
    """The array of an npy file, mapped anew for every read, so that no page of it is held."""

    def __init__(self, file: Path):
        self._file = file
        self.read(np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self._array())

    def __getitem__(self, position: int) -> np.ndarray:
        return np.array(self._array()[position])

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Return those at some positions."""
        array = self._array()
        order = np.argsort(positions, kind="stable")  # The disk is read in one direction.
        found = np.empty((len(positions), *array.shape[1:]), array.dtype)
        found[order] = array[positions[order]]
        return found

    def _array(self):
        try:
            return np.load(self._file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{self._file}: cannot be read as an npy file: {error}.") from error


class _Records:
    """The records of an ArrayRecord file: encoded images, or arrays as ``numpy.save`` writes."""

    def __init__(self, file: Path, grey: bool):
        grain: Any = optional(
            "grain", package="grain", purpose="reading ArrayRecord", extra="stream"
        )
        self._file, self._grey, self._source = (
            file,
            grey,
            grain.sources.ArrayRecordDataSource([file]),
        )

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, position: int) -> np.ndarray:
        record = self._source[position]
        if record.startswith(b"\x93NUMPY"):
            return np.load(io.BytesIO(record), allow_pickle=False)
        return read_pixels(io.BytesIO(record), grey=self._grey, name=f"{self._file}[{position}]")


def _of_folder(folder, grey, amounts, about):
    files, roots, passed_over = split_folder(folder, **amounts)
    rows = {
        split: Rows(read_each(its.__getitem__, lambda file: read_pixels(file, grey=grey)[None]), n)
        for split, its in files.items()
        if (n := len(its))
    }
    train = rows["train"]
    for split, part in rows.items():
        if part.shape[1:] != train.shape[1:]:
            raise DataError(
                f"{folder}: images of all splits must be of one size, got train "
                f"{train.shape[1:]} and {split} {part.shape[1:]}."
            )
    none = np.zeros((0, *train.shape[1:]), np.uint8)
    held = [rows[k][:] if k in rows else none for k in ("validation", "test")]
    scaling = to_stored(train[:1], black=0.0, white=None, copy=False, name=str(folder))[1]
    labels = folder_labels(files, roots, 1, str(folder))
    splits: Any = [train, *held]
    return make_dataset(
        **about, splits=splits, scaling=scaling, labels=labels, passed_over=passed_over
    )


def _of_source(source: Any, options, amounts, about):
    standardize = options.pop("standardize")
    where = about["source"] if about["source"] != "memory" else "`train`"
    count = len(source)
    train, validation, test = split_positions(count, where=where, **amounts)
    if not len(test):
        raise DataError(f"{where}: at least one image must be left for testing, got none.")

    def to_row(numbers):
        return to_stored(numbers, **options, copy=False, name=where)

    if isinstance(source, _Mapped):
        get = source.read
    elif isinstance(source, np.ndarray):
        get = source.__getitem__
    else:
        get = read_each(source.__getitem__, lambda item: np.asarray(item)[None])
    scaling: Scaling = to_row(get(train[:1]))[1]
    if standardize is not None:
        check_one_of("standardize", standardize, Standardization)
        if to_row(get(train[:1]))[0].ndim != 2:
            raise ValueError(
                f"`standardize` is of vectors, and {where} holds images: leave it out."
            )
        parts = (to_row(get(train[i : i + AT_ONCE]))[0] for i in range(0, len(train), AT_ONCE))
        scaling = standardized(parts, standardize)

    def read(positions: np.ndarray) -> np.ndarray:
        stored = to_row(get(positions))[0]
        return stored if standardize is None else scaling.apply(stored)

    none = read(train[:1])[:0]
    rows = Rows(read, count, positions=train)
    held = [read(part) if len(part) else none for part in (validation, test)]
    splits: Any = [rows, *held]
    return make_dataset(**about, splits=splits, scaling=scaling)
