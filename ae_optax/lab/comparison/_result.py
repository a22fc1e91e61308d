"""What comes back of a comparison: the runs of each contender, as their folders tell it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab import runs

LOSSES = ("train_loss", "validation_loss", "test_loss")
PLACES = ("epoch", "step", "seconds")


class Run(NamedTuple):
    """One run of a contender.

    Attributes:
        setting: Position among the contender's settings.
        learning_rate: The swept number.
        values: What else its contender varies, by path below the optimizer.
        seed: The seed.
        seconds: Time of training and evaluation, compilation excluded.
        untrained: What was measured before training, by name.
        rows: What was recorded of every epoch, by name; each of shape (epochs,).
        folder: Where its images lie; ``None`` if there are none.
    """

    setting: int
    learning_rate: float
    values: Mapping[str, Any]
    seed: int
    seconds: float
    untrained: Mapping[str, float]
    rows: Mapping[str, np.ndarray]
    folder: Path | None = None

    @property
    def train_loss(self) -> np.ndarray:
        """Mean over each epoch; shape (epochs,)."""
        return self.rows["train_loss"]

    @property
    def validation_loss(self) -> np.ndarray:
        """Before training and after each epoch; shape (epochs + 1,)."""
        return self._from_the_start("validation_loss")

    @property
    def test_loss(self) -> np.ndarray:
        """Before training and after each epoch; shape (epochs + 1,)."""
        return self._from_the_start("test_loss")

    @property
    def diverged(self) -> bool:
        """Whether a loss is not finite, or the last is above the untrained model's."""
        finite = np.isfinite(self.train_loss).all() and np.isfinite(self.test_loss).all()
        return not (finite and self.test_loss[-1] <= self.test_loss[0])

    def _from_the_start(self, name):
        return np.concatenate([[self.untrained[name]], self.rows[name]])


class Result(NamedTuple):
    """All runs of a contender.

    Attributes:
        label: What to call it.
        learning_rates: The numbers it tried.
        runs: One for each setting and seed; none if the contender failed.
        compile_seconds: Time until its programs were compiled, as a rule one; without that of
            what all contenders start from.
        state_bytes: Size of the optimizer's state.
        failure: Why a run of it left no record, or ``None``.
    """

    label: str
    learning_rates: Sequence[float]
    runs: list[Run]
    compile_seconds: float
    state_bytes: int
    failure: str | None


def read_run(record: runs.Run, *, epochs: int, **about: Any) -> Run:
    """Return a run as its folder tells it; what a run that diverged did not come to is NaN.

    Args:
        record: What its folder holds.
        epochs: How many it should have.
        **about: ``setting``, ``learning_rate``, ``values`` and ``seed``.
    """
    logged = [row.flat() for row in record.rows]
    names = dict.fromkeys([*LOSSES, *(name for row in logged for name in row)])
    rows = {}
    for name in names:
        curve = [row.get(name, np.nan) for row in logged]
        rows[name] = np.array(curve + [np.nan] * (epochs - len(curve)))
    return Run(
        **about,
        seconds=sum(row["seconds"] for row in logged),
        untrained=record.summary.untrained,
        rows={name: curve for name, curve in rows.items() if name not in PLACES},
        folder=record.folder,
    )
