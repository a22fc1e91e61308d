"""A program's own arrays."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ae_optax._checks import check_positive
from ae_optax.lab.data._dataset import (
    DataError,
    Dataset,
    check_images,
    make_dataset,
    to_unit_interval,
)
from ae_optax.lab.data._split import split_positions

WHITE = {"bool": 1, "uint8": 255, "uint16": 65535}


def from_arrays(
    train: np.ndarray,
    *,
    validation: np.ndarray | int | float = 0.1,
    test: np.ndarray | int | float = 0.1,
    white: float | None = None,
    seed: int = 0,
    name: str = "arrays",
    attribution: str = "",
) -> Dataset:
    """Make a data set of arrays that a program has.

    Args:
        train: Images (n, height, width) or (n, height, width, channels): whatever
            ``numpy.asarray`` takes.
        validation: Images for validation; or how many of ``train`` to take for it, an integer or a
            share in [0, 1).
        test: Images to test on, likewise.
        white: What becomes 1, positive; ``None`` is 1 for floats and booleans, 255 for unsigned
            bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        seed: Of the random order in which ``train`` is split, if it is, at least 0.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set, float32.

    Raises:
        TypeError: If ``validation`` or ``test`` is neither images nor a number, ``seed`` no integer
            or ``white`` no number.
        ValueError: If one of them is out of range.
        DataError: If an array holds no images, or pixels that are masked, not finite or outside
            [0, ``white``], if images differ in size, or if none is left for training or testing.
    """
    given = {"train": train, "validation": validation, "test": test}
    arrays = {key: v for key, v in given.items() if key == "train" or not _is_amount(v)}
    shares = {key: value for key, value in given.items() if key not in arrays}
    images = {key: as_images(value, white=white, name=f"`{key}`") for key, value in arrays.items()}
    return assemble(images, shares, seed=seed, name=name, source="memory", attribution=attribution)


def from_iterable(
    train: Iterable[np.ndarray] | np.ndarray,
    *,
    validation: Iterable[np.ndarray] | int | float = 0.1,
    test: Iterable[np.ndarray] | int | float = 0.1,
    white: float | None = None,
    seed: int = 0,
    name: str = "iterable",
    attribution: str = "",
) -> Dataset:
    """Make a data set of what yields one image after the other: a list, a generator, a loader.

    Args:
        train: Yields arrays (height, width) or (height, width, channels), all of one size:
            whatever ``numpy.asarray`` takes. It is read once, and wholly.
        validation: Yields images for validation; or how many of ``train`` to take for it, an
            integer or a share in [0, 1).
        test: Yields images to test on, likewise.
        white: What becomes 1, positive; ``None`` is 1 for floats and booleans, 255 for unsigned
            bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        seed: Of the random order in which ``train`` is split, if it is, at least 0.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set, float32.

    Raises:
        TypeError: If ``validation`` or ``test`` is neither iterable nor a number, ``seed`` no
            integer or ``white`` no number.
        ValueError: If one of them is out of range.
        DataError: As :func:`from_arrays`; and if nothing is yielded, or images of several sizes.
    """
    return from_arrays(
        _stack("train", train),
        validation=_own("validation", validation),
        test=_own("test", test),
        white=white,
        seed=seed,
        name=name,
        attribution=attribution,
    )


def as_images(array: Any, *, white: float | None = None, name: str) -> np.ndarray:
    """Return ``array`` as float32 images in [0, 1].

    Args:
        array: Images (n, height, width) or (n, height, width, channels): whatever
            ``numpy.asarray`` takes.
        white: What becomes 1, positive; ``None`` is 1 for floats and booleans, 255 for unsigned
            bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        name: The file or argument it came from, with which messages begin.

    Raises:
        TypeError: If ``white`` is no number.
        ValueError: If it is not positive.
        DataError: If the array holds no images, or pixels outside [0, ``white``].
    """
    array = to_array(array, name=name)
    kind = array.dtype
    if white is None:
        white = 1 if kind.kind == "f" else WHITE.get(kind.name)
    else:
        check_positive("white", white)
    if kind.kind not in "fbiu":
        way_out = " NumPy's files know no bfloat16: save float32." if kind == "V2" else ""
        raise DataError(
            f"{name}: images must be numbers, got {kind} of shape {array.shape}.{way_out}"
        )
    if white is None:
        raise DataError(f"{name}: `white` must tell which {kind} is white; there is no default.")
    images = to_unit_interval(array, white=white)
    check_images(images, name=name)
    return images


def to_array(value: Any, *, name: str) -> np.ndarray:
    """Return what a program has as an array, leaving nothing out in silence.

    Raises:
        DataError: If it is none, or if it has masked values or positions in a palette.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    if any(map(np.ma.is_masked, parts)):
        raise DataError(f"{name}: has masked values: leave their images out, or fill them first.")
    if any(getattr(part, "mode", None) in ("P", "PA") for part in parts):
        raise DataError(f"{name}: is an image with a palette: `image.convert('RGB')` it first.")
    try:
        array = np.asarray(value)
    except Exception as error:  # Ragged lists; whatever a class of another library raises.
        reason = " ".join(str(error).split())
        raise DataError(f"{name}: must be an array, or lists of one length: {reason}") from error
    # JAX's small numbers, bfloat16 for one, are no floats or integers to NumPy.
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float32):
        return array.astype(np.int8 if np.can_cast(array.dtype, np.int8) else np.float32)
    return array


def assemble(
    images: dict[str, np.ndarray], shares: dict[str, Any], *, seed: int, name: str, **about: str
) -> Dataset:
    """Make a data set of the splits that are there; ``shares`` of the training images are the rest.

    Raises:
        DataError: If images differ in size, or if none is left for training or testing.
    """
    where = name if about["source"] == "memory" else about["source"]
    sizes = {part.shape[1:] for part in images.values()}
    if len(sizes) > 1:
        found = ", ".join(f"{key} {part.shape[1:]}" for key, part in images.items())
        raise DataError(f"{where}: images of all splits must be of one size, got {found}.")
    if shares:
        amounts = {"validation": 0, "test": 0} | shares
        positions = split_positions(len(images["train"]), seed=seed, where=where, **amounts)
        taken = zip(("train", "validation", "test"), positions, strict=True)
        whole = images["train"]
        images = images | {k: whole[i] for k, i in taken if k in shares or k == "train"}
    if not len(images["test"]):
        raise DataError(f"{where}: at least one image must be left for testing, got none.")
    splits = [images[key] for key in ("train", "validation", "test")]
    return make_dataset(name, splits, **about)


def _is_amount(value):
    return np.isscalar(value) or value is None or getattr(value, "ndim", 1) == 0


def _own(name, value: Any) -> Any:
    """Return the images that ``value`` yields, or the number that it is."""
    return _stack(name, value) if isinstance(value, Iterable) else value


def _stack(name, images):
    if not isinstance(images, Iterable):
        raise TypeError(f"`{name}` must yield images, got {images!r}.")
    arrays = [
        to_array(image, name=f"`{name}`, position {number}") for number, image in enumerate(images)
    ]
    if not arrays:
        raise DataError(f"`{name}`: must yield at least one image, got none.")
    for number, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"`{name}`: images must be of one size, got {arrays[0].shape} and, "
                f"at position {number}, {array.shape}."
            )
    return np.stack(arrays)
