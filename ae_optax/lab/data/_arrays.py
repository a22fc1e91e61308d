"""A program's own arrays."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ae_optax._checks import check_finite, check_one_of, check_rule
from ae_optax.lab.data._check import check_stored
from ae_optax.lab.data._dataset import SPLITS, Dataset, make_dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._labels import check_labels, label_splits
from ae_optax.lab.data._scaling import AS_IT_IS, Scaling, Standardization, of_pixels, standardized
from ae_optax.lab.data._split import split_positions

WHITE = {"bool": 1, "uint8": 255, "uint16": 65535}
ALIGNED = 64
"""Bytes that XLA's arrays on a CPU begin at a multiple of."""

AT_ONCE = 2**14
"""Vectors of which float64 is made at a time."""


def from_arrays(
    train: np.ndarray,
    *,
    validation: np.ndarray | int | float = 0.1,
    test: np.ndarray | int | float = 0.1,
    labels: np.ndarray | Mapping[str, np.ndarray] | None = None,
    black: float = 0.0,
    white: float | None = None,
    standardize: Standardization | None = None,
    seed: int = 0,
    name: str = "arrays",
    attribution: str = "",
) -> Dataset:
    """Make a data set of arrays that a program has.

    Args:
        train: Images (n, height, width) or (n, height, width, channels), or vectors (n, d) of any
            finite numbers: whatever ``numpy.asarray`` takes.
        validation: Images or vectors for validation; or how many of ``train`` to take for it, an
            integer or a share in [0, 1).
        test: What to test on, likewise.
        labels: The class of each of ``train``, whole numbers or words; with splits of their own a
            mapping from ``"train"``, ``"validation"`` and ``"test"``. ``None``: there are none.
        black: Of images, what becomes 0: -1 for pixels in [-1, 1].
        white: Of images, what becomes 1, above ``black``; ``None`` is 1 for floats and booleans,
            255 for unsigned bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        standardize: Give vectors mean 0 and deviation 1, those of the training vectors: of each
            feature (``"features"``), or by one number for all (``"whole"``), so that distances keep
            their proportions. ``scaling`` of the data set undoes it. ``None``: as they are.
        seed: Of the random order in which ``train`` is split, if it is, at least 0.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set; images of bytes stay bytes in memory.

    Raises:
        TypeError: If ``validation`` or ``test`` is neither an array nor a number, ``seed`` no
            integer or ``black`` or ``white`` no number.
        ValueError: If one of them is out of range, if ``black`` or ``white`` is given for vectors
            or ``standardize`` for images.
        DataError: If an array holds neither images nor vectors, or numbers that are masked, not
            finite or, in images, outside [``black``, ``white``], if sizes differ, if labels are not
            one for each image, or if none is left for training or testing.
    """
    given = {"train": train, "validation": validation, "test": test}
    arrays = {key: v for key, v in given.items() if key == "train" or not _is_amount(v)}
    shares = {key: value for key, value in given.items() if key not in arrays}
    scale = {"black": black, "white": white}
    stored = {
        # What is divided is copied by that.
        key: to_stored(array, **scale, copy=key != "train" or not shares, name=f"`{key}`")
        for key, array in arrays.items()
    }
    if labels is None or isinstance(labels, Mapping):
        labels = dict(labels or {})
    else:
        labels = {"train": labels}
    about: Any = {"name": name, "source": "memory", "attribution": attribution}
    return assemble(stored, shares, labels, standardize=standardize, seed=seed, **about)


def from_iterable(
    train: Iterable[np.ndarray] | np.ndarray,
    *,
    validation: Iterable[np.ndarray] | int | float = 0.1,
    test: Iterable[np.ndarray] | int | float = 0.1,
    labels: np.ndarray | Mapping[str, np.ndarray] | None = None,
    black: float = 0.0,
    white: float | None = None,
    standardize: Standardization | None = None,
    seed: int = 0,
    name: str = "iterable",
    attribution: str = "",
) -> Dataset:
    """Make a data set of what yields one image or vector after the other: a list, a generator.

    Args:
        train: Yields arrays (height, width), (height, width, channels) or (d,), all of one size:
            whatever ``numpy.asarray`` takes. It is read once, and wholly.
        validation: Yields images for validation; or how many of ``train`` to take for it, an
            integer or a share in [0, 1).
        test: Yields images to test on, likewise.
        labels: As for :func:`from_arrays`, like all others.
        black: What becomes 0.
        white: What becomes 1.
        standardize: What is done to vectors.
        seed: Of the random order in which ``train`` is split, if it is, at least 0.
        name: What records and messages call the set.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set.

    Raises:
        TypeError: If ``validation`` or ``test`` is neither iterable nor a number, or as
            :func:`from_arrays`.
        ValueError: As :func:`from_arrays`.
        DataError: As :func:`from_arrays`; and if nothing is yielded, or images of several sizes.
    """
    return from_arrays(
        _stack("train", train),
        validation=_own("validation", validation),
        test=_own("test", test),
        labels=labels,
        black=black,
        white=white,
        standardize=standardize,
        seed=seed,
        name=name,
        attribution=attribution,
    )


def as_values(
    array: Any,
    *,
    black: float = 0.0,
    white: float | None = None,
    scaling: Scaling = AS_IT_IS,
    name: str,
) -> np.ndarray:
    """Return images or vectors as the values that models see, float32.

    Args:
        array: Images (n, height, width) or (n, height, width, channels), or vectors (n, d):
            whatever ``numpy.asarray`` takes.
        black: Of images, what becomes 0.
        white: Of images, what becomes 1; ``None`` is 1 for floats and booleans, 255 for unsigned
            bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        scaling: What vectors are scaled by, that of the data set which a model was trained on.
        name: The file or argument it came from, with which messages begin.

    Raises:
        TypeError: If ``black`` or ``white`` is no number.
        ValueError: If they are out of range, or given for vectors.
        DataError: If the array holds neither, or numbers that are not finite, or pixels outside
            [``black``, ``white``].
    """
    stored, own = to_stored(array, black=black, white=white, copy=False, name=name)
    if stored.ndim == 2:
        return scaling.apply(stored)
    return own.apply(stored) if stored.dtype == np.uint8 else stored


def to_stored(
    value: Any, *, black: float, white: float | None, copy: bool, name: str
) -> tuple[np.ndarray, Scaling]:
    """Return images or vectors as they are kept: float32 values, or bytes; and their scaling.

    Args:
        value: Images (n, height, width) or (n, height, width, channels), or vectors (n, d):
            whatever ``numpy.asarray`` takes.
        black: Of images, what becomes 0.
        white: Of images, what becomes 1, above ``black``; ``None`` is 1 for floats and booleans,
            255 for unsigned bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        copy: Whether others may change the memory of ``value``.
        name: The file or argument it came from, with which messages begin.

    Raises:
        TypeError: If ``black`` or ``white`` is no number.
        ValueError: If they are out of range, or given for vectors.
        DataError: If it holds neither, or pixels outside the range.
    """
    array = to_array(value, name=name)
    kind = array.dtype
    if kind.kind not in "fbiu":
        way_out = " NumPy's files know no bfloat16: save float32." if kind == "V2" else ""
        raise DataError(
            f"{name}: images must be numbers, got {kind} of shape {array.shape}.{way_out}"
        )
    check_finite("black", black)
    if white is not None:
        check_rule("white", white, f"be above `black`, {black!r}", lambda v: v > black)
    if array.ndim == 2:
        if white is not None or black:
            raise ValueError(
                f"`black` and `white` are of images, and {name} holds vectors, of shape "
                f"{array.shape}: leave them out; `standardize` gives vectors another scale."
            )
        with np.errstate(over="ignore"):  # What is too large is found by the check.
            stored, scaling = np.asarray(array, np.float32), AS_IT_IS
    else:
        white = (1 if kind.kind == "f" else WHITE.get(kind.name)) if white is None else white
        if white is None:
            raise DataError(
                f"{name}: `white` must tell which {kind} is white; there is no default."
            )
        scaling = of_pixels(black, white)
        if kind.kind == "b":
            array = array.astype(np.uint8)
        with np.errstate(over="ignore"):
            stored = array if array.dtype == np.uint8 else scaling.apply(array)
    if copy and stored is array:
        stored = array.copy()
    check_stored(stored, scaling, name=name)
    return stored, scaling


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
    parts: Mapping[str, tuple[np.ndarray, Scaling]],
    shares: Mapping[str, Any],
    labels: Mapping[str, Any],
    *,
    standardize: Standardization | None,
    seed: int,
    name: str,
    source: str,
    attribution: str,
) -> Dataset:
    """Make a data set of the splits that are there; ``shares`` of the training images are the rest.

    Raises:
        ValueError: If ``standardize`` is no such word, or given for images.
        DataError: If images differ in size, if none is left for training or testing, or if labels
            are not one for each image.
    """
    where = name if source == "memory" else source
    sizes = {stored.shape[1:] for stored, _ in parts.values()}
    if len(sizes) > 1:
        found = ", ".join(f"{key} {stored.shape[1:]}" for key, (stored, _) in parts.items())
        raise DataError(f"{where}: images of all splits must be of one size, got {found}.")
    _, scaling = parts["train"]
    if all(stored.dtype == np.uint8 and own == scaling for stored, own in parts.values()):
        images = {key: stored for key, (stored, _) in parts.items()}
    else:
        images = {
            key: own.apply(stored) if stored.dtype == np.uint8 else stored
            for key, (stored, own) in parts.items()
        }
    labels = {
        key: check_labels(to_array(value, name=where), len(images[key]), split=key, where=where)
        for key, value in labels.items()
        if key in images
    }
    if shares:
        amounts = {"validation": 0, "test": 0} | dict(shares)
        positions = split_positions(len(images["train"]), seed=seed, where=where, **amounts)
        every = zip(SPLITS, positions, strict=True)
        taken = {k: i for k, i in every if k in shares or k == "train"}
        whole = images["train"]
        images |= {k: _rows_of(whole, i) for k, i in taken.items()}
        if "train" in labels:
            labels |= {k: labels["train"][i] for k, i in taken.items()}
    if not len(images["test"]):
        raise DataError(f"{where}: at least one image must be left for testing, got none.")
    if standardize is not None:
        check_one_of("standardize", standardize, Standardization)
        if images["train"].ndim != 2:
            raise ValueError(
                f"`standardize` is of vectors, and {where} holds images, which lie in [0, 1]: "
                "leave it out."
            )
        vectors = images["train"]
        some = range(0, len(vectors), AT_ONCE)
        scaling = standardized((vectors[at : at + AT_ONCE] for at in some), standardize)
        images = {key: scaling.apply(part) for key, part in images.items()}
    counts = {key: len(images[key]) for key in SPLITS}
    return make_dataset(
        name,
        [images[key] for key in SPLITS],
        source=source,
        scaling=scaling,
        labels=label_splits(labels, counts, where=where),
        attribution=attribution,
    )


def _rows_of(whole, positions):
    """Copy rows to where a device that is the CPU takes them as they lie, without a second copy."""
    shape = (len(positions), *whole.shape[1:])
    size = math.prod(shape) * whole.itemsize
    room = np.empty(size + ALIGNED, np.uint8)
    start = -room.ctypes.data % ALIGNED
    rows = room[start : start + size].view(whole.dtype).reshape(shape)
    return np.take(whole, positions, axis=0, out=rows, mode="clip")


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
