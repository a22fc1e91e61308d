"""Reading NumPy's archives."""

from pathlib import Path

import numpy as np

from ae_optax.data._dataset import DataError


def read_npz(file: Path, *names: str) -> tuple[np.ndarray, ...]:
    """Read the arrays called ``names`` from an npz file.

    Raises:
        DataError: If the file cannot be opened, is damaged, or lacks one of the arrays.
    """
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return tuple(archive[name] for name in names)
    except Exception as error:  # A damaged archive raises a dozen kinds, SyntaxError among them.
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read as an npz file: {reason}") from error
