"""Reading NumPy's files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ae_optax.lab.data._dataset import DataError

T = TypeVar("T")


def read_npz(file: Path, *names: str) -> tuple[np.ndarray, ...]:
    """Read the arrays called ``names`` from an npz file.

    Raises:
        DataError: If the file cannot be opened, is damaged, or lacks one of the arrays.
    """
    return _read(file, "npz", lambda archive: tuple(archive[name] for name in names))


def read_npz_all(file: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an npz file, by name.

    Raises:
        DataError: If the file cannot be opened or is damaged.
    """
    return _read(file, "npz", dict)


def read_npy(file: Path) -> np.ndarray:
    """Read the array of an npy file.

    Raises:
        DataError: If the file cannot be opened or is damaged.
    """
    return _read(file, "npy", np.asarray)


def _read(file: Path, kind: str, take: Callable[[Any], T]) -> T:
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if kind == "npy":
                return take(loaded)
            with loaded:
                return take(loaded)
    except Exception as error:  # A damaged archive raises a dozen kinds, SyntaxError among them.
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read as an {kind} file: {reason}") from error
