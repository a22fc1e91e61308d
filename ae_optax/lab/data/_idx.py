"""The idx format: a header of big-endian 32-bit integers, then the pixels row by row."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ae_optax.lab.data._dataset import DataError

HEADER = struct.Struct(">4I")  # Magic number, count, height, width.
IMAGES = 0x00000803  # Unsigned bytes (08) in three dimensions (03).
LARGEST = HEADER.size + 60000 * 28 * 28
"""Bytes of the largest set that comes in this format. Compressed, a little may become a lot."""


def read_images(file: Path) -> np.ndarray:
    """Read the images of an idx file, compressed if its name ends in ``.gz``.

    Args:
        file: A file that holds nothing but one idx array of unsigned bytes, of rank 3.

    Returns:
        The pixels, uint8 of shape (n, height, width), read-only and not copied.

    Raises:
        DataError: If the file cannot be opened or decompressed, is empty, is no idx file
            of images, holds none, or is shorter or longer than its header says, or longer than
            any set of the kind.
    """
    content = _read_bytes(file)
    if not content:
        raise DataError(f"{file}: is empty.")
    if len(content) < HEADER.size:
        raise DataError(f"{file}: is truncated: {len(content)} bytes, a header has {HEADER.size}.")
    magic, count, height, width = HEADER.unpack_from(content)
    if magic != IMAGES:
        raise DataError(f"{file}: wrong magic number 0x{magic:08x}, images have 0x{IMAGES:08x}.")
    pixels, found = count * height * width, len(content) - HEADER.size
    if pixels == 0:
        raise DataError(f"{file}: holds no images: {count} of {height}×{width}.")
    if found != pixels:
        what = "is truncated" if found < pixels else "has trailing bytes"
        raise DataError(
            f"{file}: {what}: {count} images of {height}×{width} are {pixels} bytes, got {found}."
        )
    return np.frombuffer(content, np.uint8, offset=HEADER.size).reshape(count, height, width)


def header(images: np.ndarray) -> bytes:
    """Write the header that precedes ``images`` in an idx file."""
    return HEADER.pack(IMAGES, *images.shape)


def _read_bytes(file: Path) -> bytes:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise DataError(f"{file}: is missing.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{file}: is no intact gzip file: {error}.") from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise DataError(f"{file}: is longer than the {LARGEST} bytes of the largest known set.")
    return content
