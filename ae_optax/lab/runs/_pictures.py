"""What there is to see of a run, or of a comparison: arrays by name."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab.runs._files import PICTURES, DamagedError, read_bytes, write_file


def write_pictures(
    folder: Path, pictures: Mapping[str, np.ndarray], *, durable: bool = True
) -> None:
    """Write what there is to see of a run, or of a comparison, by name.

    Raises:
        OSError: If it cannot be written.
    """
    content: Any = io.BytesIO()
    arrays: dict[str, Any] = dict(pictures)
    np.savez_compressed(content, **arrays)
    write_file(folder / PICTURES, content.getvalue(), durable=durable)


def read_pictures(folder: Path) -> dict[str, np.ndarray]:
    """Return what there is to see, by name; nothing if there is no file.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If it does not hold arrays.
    """
    path = folder / PICTURES
    try:
        content = io.BytesIO(read_bytes(path))
    except FileNotFoundError:
        return {}
    try:
        with np.load(content) as file:
            return dict(file)
    except Exception as error:  # Damage can make the readers of ZIP and NPY raise anything.
        raise DamagedError(f"{path}: must hold arrays, as NumPy writes them.") from error
