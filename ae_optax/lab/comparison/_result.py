"""What comes back of a comparison: the runs of each contender, as their folders tell it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.runs import ContenderRun, Run

LOSSES = ("train_loss", "validation_loss", "test_loss")
PLACES = ("epoch", "step", "seconds")


class Result(NamedTuple):
    """All runs of a contender.

    Attributes:
        label: What to call it.
        optimizer: Its config.
        learning_rates: The numbers it tried.
        runs: One for each setting and seed; none if the contender failed.
        folders: Where they lie.
        compile_seconds: Time until its programs were compiled, as a rule one; without that of
            what all contenders start from.
        state_bytes: Size of the optimizer's state.
        failure: Why a run of it left no record, or ``None``.
    """

    label: str
    optimizer: Mapping[str, Any]
    learning_rates: Sequence[float]
    runs: Sequence[ContenderRun]
    folders: Sequence[Path]
    compile_seconds: float
    state_bytes: int
    failure: str | None


def contender_run(run: Run, *, epochs: int, **about: Any) -> ContenderRun:
    """Return what a comparison tells of a run.

    What one that diverged did not come to is NaN. One that was stopped stays where it is: at the
    epoch whose state is kept.

    Args:
        run: As its folder tells it.
        epochs: How many it should have.
        **about: ``setting``, ``learning_rate``, ``values`` and ``seed``.
    """
    summary = run.summary
    last = None if summary.diverged else summary.last
    logged = [row.flat() for row in run.rows if last is None or row.epoch <= last.epoch]
    names = dict.fromkeys([*LOSSES, *(name for row in logged for name in row)])
    logged += [{} if last is None else logged[-1]] * (epochs - len(logged))
    curves = {name: [row.get(name, np.nan) for row in logged] for name in names}
    train, *after = (curves.pop(name) for name in LOSSES)
    before = (summary.untrained.get(name, np.nan) for name in LOSSES[1:])
    validation, test = ([first, *rest] for first, rest in zip(before, after, strict=True))
    return ContenderRun(
        **about,
        run=run.folder.name,
        started=summary.started,
        diverged=_diverged(train, test),
        seconds=sum(row.seconds for row in run.rows),
        train_loss=train,
        validation_loss=validation,
        test_loss=test,
        rows={name: curve for name, curve in curves.items() if name not in PLACES},
    )


def _diverged(train, test):
    finite = np.isfinite(train).all() and np.isfinite(test).all()
    return not (finite and test[-1] <= test[0])
