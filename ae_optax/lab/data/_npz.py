"""Reading NumPy's files."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ae_optax.lab.data._errors import DataError

STARTS = {"npy": b"\x93NUMPY", "npz": b"PK\x03\x04"}


def read_npz(file: Path, *names: str, largest: int | None = None) -> tuple[np.ndarray, ...]:
    """Read the arrays called ``names`` from an npz file, and no others.

    Args:
        file: The file.
        *names: Of the arrays.
        largest: How many bytes an array may have; ``None`` for as many as there is memory.

    Raises:
        DataError: If the file cannot be opened, is damaged, lacks one of the arrays, or one is
            larger.
    """
    with _opened(file, "npz") as stream, np.load(stream, allow_pickle=False) as archive:
        for name in names:
            if name in archive.files:  # What is small on the disk may be large in memory.
                size = archive.zip.getinfo(f"{name}.npy").file_size
                _check_size(f"{file}[{name}]", size, largest)
        return tuple(archive[name] for name in names)


def npz_names(file: Path) -> list[str]:
    """Return the names of the arrays in an npz file.

    Raises:
        DataError: If the file cannot be opened or is damaged.
    """
    with _opened(file, "npz") as stream, np.load(stream, allow_pickle=False) as archive:
        return list(archive.files)


def read_npy(file: Path) -> np.ndarray:
    """Read the array of an npy file.

    Raises:
        DataError: If the file cannot be opened, is damaged, or larger than the memory.
    """
    with _opened(file, "npy") as stream:
        _check_size(str(file), file.stat().st_size, None)
        return np.load(stream, allow_pickle=False)


@contextlib.contextmanager
def _opened(file: Path, kind: str) -> Iterator[BinaryIO]:
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"{file}: must be an {kind} file, got a folder, pipe or device.")
        with file.open("rb") as stream:  # Here, because NumPy leaves a damaged file open.
            start = stream.read(6)
            for other, its_start in STARTS.items():
                if other != kind and start.startswith(its_start):
                    raise DataError(
                        f"{file}: is an {other} file by its content: call it {file.stem}.{other}."
                    )
            stream.seek(0)
            yield stream
    except DataError:
        raise
    except Exception as error:  # A damaged archive raises a dozen kinds, SyntaxError among them.
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read as an {kind} file: {reason}") from error


def _check_size(where: str, size: int, largest: int | None) -> None:
    if largest is None:
        largest, reason = _memory(), "the memory of this machine"
    else:
        reason = "what it must hold"
    if largest is not None and size > largest:
        raise DataError(f"{where}: is {size} bytes, more than {reason} ({largest}).")


def _memory() -> int | None:
    """Return how many bytes of memory the machine has, ``None`` where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
