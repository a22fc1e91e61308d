"""Write the steps of one folder, and delete those that have had their time."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ae_optax.lab.checkpoints._error import CheckpointError, reason
from ae_optax.lab.checkpoints._history import History
from ae_optax.lab.checkpoints._leaves import Form
from ae_optax.lab.checkpoints._manifest import Manifest, cut, describe, encode
from ae_optax.lab.checkpoints._orbax import TEMPORARY, write
from ae_optax.lab.checkpoints._restore import metric_of, steps

DELETED = ".deleted"  # In the name of a folder that is going.


class Writer:
    """What writes into a folder, one step at a time."""

    def __init__(self, folder: Path, *, keep: int, keep_best: bool) -> None:
        """See ``Checkpoints``."""
        self.history = History(folder)
        self._folder = folder
        self._keep = keep
        self._keep_best = keep_best
        self._metrics: dict[int, float | None] = {}  # Of the steps that are saved.
        self._clean = False  # Whether nothing of an interrupted save is left in the folder.

    def write(
        self,
        manifest: Manifest,
        arrays: Mapping[str, np.ndarray],
        forms: Mapping[str, Form],
    ) -> None:
        """Write a step, and the rows that the history was given.

        Args:
            manifest: What to record; its leaves are filled in here, since digests take time.
            arrays: The host copies of the leaves by path.
            forms: What the leaves are.

        Raises:
            CheckpointError: If the step cannot be written or another one not deleted.
        """
        manifest = manifest._replace(leaves=describe(forms, arrays))
        try:
            if not self._clean:
                self._folder.mkdir(parents=True, exist_ok=True)
                _sweep(self._folder)
            self._clean = False
            # Before the step appears: a step that is there has its rows.
            manifest = manifest._replace(rows=self.history.write())
            parts = cut(arrays, manifest.leaves)
            write(self._folder / str(manifest.step), parts, encode(manifest))
            self._clean = True
        except Exception as error:  # Orbax raises whatever its storage raises.
            raise CheckpointError(
                f"{self._folder}: step {manifest.step} cannot be saved: {reason(error)}. "
                "The steps saved before are untouched."
            ) from error
        self._rotate(manifest)

    def delete(self, unwanted: Iterable[int]) -> None:
        """Delete steps.

        Raises:
            CheckpointError: If one cannot be deleted.
        """
        try:
            _delete(self._folder, unwanted)
        except OSError as error:
            raise CheckpointError(f"{self._folder}: cannot delete: {reason(error)}.") from error

    def _rotate(self, newest):
        saved = steps(self._folder)
        if self._keep_best:
            known = {**self._metrics, newest.step: newest.metric}
            self._metrics = {
                step: known[step] if step in known else metric_of(self._folder, step)
                for step in saved
            }
        self.delete(_outlived(saved, self._keep, self._metrics))


def _outlived(saved: Sequence[int], keep: int, metrics: Mapping[int, float | None]) -> list[int]:
    """Return the steps to delete: not among the newest ``keep``, nor that of the lowest metric.

    Args:
        saved: The steps, in order.
        keep: How many of the newest to keep.
        metrics: The metrics by step; ``None`` is never the best, nor is a step that is missing.
            Of equal ones the first is the best.
    """
    measured = [(metric, step) for step in saved if (metric := metrics.get(step)) is not None]
    kept = {*saved[-keep:], *(step for _, step in sorted(measured)[:1])}
    return [step for step in saved if step not in kept]


def _delete(folder, unwanted):
    """Delete steps; an interruption leaves none of them half there."""
    for step in unwanted:
        path = folder / f"{step}{DELETED}"
        (folder / str(step)).rename(path)
        shutil.rmtree(path)


def _sweep(folder):
    """Remove what interrupted saves and deletions have left behind."""
    for path in folder.iterdir():
        if TEMPORARY in path.name or path.name.endswith(DELETED):
            # Threads of a save that has failed may still write there: the rest goes next time.
            shutil.rmtree(path, ignore_errors=True)
