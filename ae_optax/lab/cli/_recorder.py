"""What a training run tells while it runs: rows for the log, lines for the reader."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ae_optax.lab import runs
from ae_optax.lab.cli._progress import rate, speed
from ae_optax.lab.training import EpochRow


class Recorder:
    """Writes the log of a run and shows its progress.

    Args:
        path: The log.
        epochs: How many there will be.
        n_images: How many images there are in each.
        advance: From :func:`progress`.
    """

    def __init__(self, path: Path, epochs: int, n_images: int, advance: Callable[..., None]):
        self._path, self._epochs, self._n_images, self._advance = path, epochs, n_images, advance
        self._log: runs.MetricsLog | None = None
        self._scale = 1.0
        self._shown = 0

    def start(self, rows: Sequence[EpochRow]) -> None:
        """Begin the log, or begin it again, with the epochs that were done before."""
        self.close()
        self._log = runs.MetricsLog(self._path, [row.jsonable() for row in rows])
        self._scale = rows[-1].plateau_scale if rows else 1.0
        if rows or self._shown:
            text = f"taken up after epoch {len(rows)}/{self._epochs}"
            self._advance(text, step=len(rows) - self._shown, line=text)
        self._shown = len(rows)

    def epoch(self, row: EpochRow) -> None:
        """Write a row and show it."""
        assert self._log is not None, "`start` comes first"
        note = None if row.plateau_scale == self._scale else _reduced(row)
        self._scale = row.plateau_scale
        self._log.write(row.jsonable())
        pace = speed(row.seconds, row.step // row.epoch, self._n_images)
        losses = f"train {row.train_loss:.5f}  test {row.test_loss:.5f}"
        text = f"{losses}{rate(row.learning_rate)}{pace}"
        self._advance(text, line=f"epoch {row.epoch}/{self._epochs}  {text}", note=note)
        self._shown = row.epoch

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


def _reduced(row):
    """Say that ``reduce_on_plateau`` has lowered the rate at which this epoch was trained."""
    rate = f" to {row.learning_rate:.4g}" if math.isfinite(row.learning_rate) else ""
    return (
        f"learning rate reduced{rate} in epoch {row.epoch} (times {row.plateau_scale:.4g}): "
        "the validation loss had stopped improving"
    )
