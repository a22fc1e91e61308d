"""Why a run ends before its last epoch: functions of what has been recorded so far."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ae_optax.lab.training._row import EpochRow
from ae_optax.lab.training._settings import Settings

Status = Literal["done", "diverged", "stopped", "out of time", "interrupted"]


def early_end(rows: Sequence[EpochRow], settings: Settings) -> Status | None:
    """Return how a run ends after the last row, or ``None`` if it goes on.

    It depends on the rows alone, so a run that was resumed ends where it would have ended.
    """
    if not rows:
        return None
    last = rows[-1]
    if not (np.isfinite(last.train_loss) and np.isfinite(last.test_loss)):
        return "diverged"
    if len(rows) >= settings.epochs:
        return "done"
    if settings.patience is not None and epochs_without_gain(rows) >= settings.patience:
        return "stopped"
    spent = sum(row.seconds for row in rows)
    if settings.max_minutes is not None and spent >= 60 * settings.max_minutes:
        return "out of time"
    return None


def epochs_without_gain(rows: Sequence[EpochRow]) -> int:
    """Return how many epochs ago the validation loss was lowest; the first of equals counts."""
    losses = np.asarray([row.validation_loss for row in rows])
    return len(rows) - 1 - int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
