"""The idx format: a header of big-endian 32-bit integers, then unsigned bytes, row by row."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ae_optax.lab.data._errors import DataError

BYTES = 0x00000800  # The magic number of unsigned bytes, plus the number of dimensions.
WHAT = {1: "labels", 3: "images"}
LARGEST = 16 + 60000 * 28 * 28
"""Bytes of the largest set that comes in this format. Compressed, a little may become a lot."""


def read_images(file: Path) -> np.ndarray:
    """Read the images of an idx file; see :func:`read_idx`."""
    return read_idx(file, 3)


def read_idx(file: Path, rank: int) -> np.ndarray:
    """Read an idx file, compressed if its name ends in ``.gz``.

    Args:
        file: A file that holds nothing but one idx array of unsigned bytes.
        rank: How many dimensions it has: 3 for images, 1 for labels.

    Returns:
        The bytes, uint8 of shape (n, height, width) or (n,), read-only and not copied.

    Raises:
        DataError: If the file cannot be opened or decompressed, is empty, is no idx file
            of this rank, holds nothing, or is shorter or longer than its header says, or longer
            than any set of the kind.
    """
    content, what = _read_bytes(file), WHAT[rank]
    header = struct.Struct(f">{1 + rank}I")
    if not content:
        raise DataError(f"{file}: is empty.")
    if len(content) < header.size:
        raise DataError(f"{file}: is truncated: {len(content)} bytes, a header has {header.size}.")
    magic, *shape = header.unpack_from(content)
    if magic != BYTES + rank:
        raise DataError(
            f"{file}: wrong magic number 0x{magic:08x}, {what} have 0x{BYTES + rank:08x}."
        )
    many = f"{shape[0]} {what}" + (f" of {shape[1]}×{shape[2]}" if rank == 3 else "")
    size, found = math.prod(shape), len(content) - header.size
    if size == 0:
        raise DataError(f"{file}: holds no {what}: {many.replace(f' {what}', '')}.")
    if found != size:
        problem = "is truncated" if found < size else "has trailing bytes"
        raise DataError(f"{file}: {problem}: {many} are {size} bytes, got {found}.")
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(shape)


def header(array: np.ndarray) -> bytes:
    """Write the header that precedes ``array`` in an idx file."""
    return struct.pack(f">{1 + array.ndim}I", BYTES + array.ndim, *array.shape)


def _read_bytes(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise DataError(f"{file}: must be a file, got a folder, pipe or device.")
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
