"""The folder of checkpoints: one folder for each step, named by its number."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from ae_optax.lab.checkpoints._orbax import TEMPORARY

DELETED = ".deleted"


def steps(folder: Path) -> list[int]:
    """Return the steps that are saved completely, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def delete(folder: Path, unwanted: Iterable[int]) -> None:
    """Delete steps; an interruption leaves none of them half there."""
    for step in unwanted:
        path = folder / f"{step}{DELETED}"
        (folder / str(step)).rename(path)
        shutil.rmtree(path)


def sweep(folder: Path) -> None:
    """Remove what interrupted saves and deletions have left behind."""
    for path in folder.iterdir():
        if TEMPORARY in path.name or path.name.endswith(DELETED):
            # Threads of a save that has failed may still write there: the rest goes next time.
            shutil.rmtree(path, ignore_errors=True)
