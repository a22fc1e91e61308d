"""What values must be to be trained on."""

from typing import Any

import numpy as np

from ae_optax._checks import check_integer
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._scaling import Scaling

CHANNELS = (1, 3, 4)


def check_values(values: Any, *, name: str) -> None:
    """Raise unless ``values`` are images or vectors that can be trained on as they are.

    Args:
        values: What should be a NumPy array, float32: images as :func:`check_images` says, or
            vectors (n, d) of any finite numbers.
        name: The file or argument it came from, with which the message begins.

    Raises:
        DataError: If they are not.
    """
    if not (isinstance(values, np.ndarray) and values.ndim == 2):
        check_images(values, name=name)
        return
    if values.dtype != np.float32:
        raise DataError(f"{name}: vectors must be float32, got {values.dtype}.")
    if values.size == 0:
        raise DataError(f"{name}: vectors must hold at least one number, got shape {values.shape}.")
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        place = _first(~np.isfinite(values), values, ("vector", "feature"))
        raise DataError(f"{name}: numbers must be finite, got {place}.")


def check_stored(stored: np.ndarray, scaling: Scaling, *, name: str) -> None:
    """Raise ``DataError`` unless what is stored are values, or bytes that make some."""
    if stored.dtype != np.uint8:
        check_values(stored, name=name)
        return
    check_shape(stored.shape, name=name)
    ends = scaling.apply(np.asarray([stored.min(), stored.max()]))
    if ends.min() < 0 or ends.max() > 1:
        check_images(scaling.apply(stored), name=name)  # Which names the pixel.


def check_images(images: Any, *, name: str) -> None:
    """Raise unless ``images`` can be trained on as it is.

    Args:
        images: What should be a NumPy array, float32, in [0, 1], of shape (n, height, width) or
            (n, height, width, channels).
        name: The file or argument it came from, with which the message begins.

    Raises:
        DataError: If ``images`` is no NumPy array, is not float32 or of another rank or has its
            channels first, holds no pixel, or holds a pixel that is not finite or lies outside
            [0, 1].
    """
    if not isinstance(images, np.ndarray):
        raise DataError(f"{name}: images must be a NumPy array, got {type(images).__name__}.")
    if images.dtype != np.float32:
        raise DataError(f"{name}: images must be float32 in [0, 1], got {images.dtype}.")
    check_shape(images.shape, name=name)
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # A NaN anywhere is the minimum.
        raise DataError(
            f"{name}: pixels must be finite, got {_first(~np.isfinite(images), images, PIXEL)}."
        )
    if low < 0 or high > 1:
        outside = _first((images < 0) | (images > 1), images, PIXEL)
        raise DataError(f"{name}: pixels must lie in [0, 1], got {outside}.{_way_out(low, high)}")


def check_shape(shape: tuple[int, ...], *, name: str) -> None:
    """Raise ``DataError`` unless a shape is one of images."""
    if len(shape) not in (3, 4):
        raise DataError(
            f"{name}: images must be (n, height, width) or (n, height, width, channels), "
            f"got shape {shape}."
        )
    if 0 in shape:
        raise DataError(f"{name}: images must hold at least one pixel, got shape {shape}.")
    if len(shape) == 4 and shape[1] in CHANNELS and min(shape[2:]) > max(CHANNELS):
        raise DataError(
            f"{name}: images must have their channels last, got shape {shape}, which is "
            "(n, channels, height, width): `images.transpose(0, 2, 3, 1)`."
        )


def check_count(name: str, value: Any, *, minimum: int, limit: int) -> None:
    """Raise unless ``value`` is an integer in [``minimum``, ``limit``)."""
    check_integer(name, value)
    if not minimum <= value < limit:
        raise ValueError(f"`{name}` must lie in [{minimum}, {limit}), got {value!r}.")


PIXEL = ("image", "row", "column", "channel")


def _first(bad, values, words):
    position = tuple(np.argwhere(bad)[0].tolist())
    place = ", ".join(f"{word} {i}" for word, i in zip(words, position, strict=False))
    return f"{values[position]} at {place}"


def _way_out(low, high):
    """Return what may be meant by pixels that lie in another usual interval, as a sentence."""
    if low >= -1 and high <= 1:
        return " If they are meant to lie in [-1, 1], say `black: -1`."
    if low >= 0 and 1.5 < high <= 255:
        return " If they are meant to lie in [0, 255], say `white: 255`."
    return ""
