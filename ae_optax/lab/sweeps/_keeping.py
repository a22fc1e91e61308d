"""Which last states stay, of many runs: the chosen one's, so that it need not be trained again."""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from ae_optax.lab import runs as folders
from ae_optax.lab import training
from ae_optax.lab.checkpoints import CheckpointError, Checkpoints
from ae_optax.lab.plans import Keep
from ae_optax.lab.runs import Summary, find_summary
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import folder_of


class Keeper:
    """Writes the states that are wanted, while runs come in.

    With ``"best"`` a setting is judged when the runs of all its seeds are there, by the median of
    their losses: of the best so far, the run with the lowest loss has its state on the disk. So
    whatever cuts the runs off, what they have chosen is there. What was written here and is
    surpassed goes again; states that others have written stay. A run that was there already has its
    record alone: if it is wanted, :meth:`finish` makes it again.
    """

    def __init__(
        self,
        keep: Keep,
        runs: Path,
        seeds: int,
        *,
        on_note: Callable[[str], None] = warn,
    ):
        """Begin with nothing.

        Args:
            keep: ``"best"``, of every group; ``"all"``; or ``"none"``.
            runs: The folder below which every run has its own.
            seeds: How many runs a setting has.
            on_note: Called with why a state could not be kept.
        """
        self._keep, self._runs, self._seeds, self._note = keep, runs, seeds, on_note
        self._held: dict[tuple[str, str], list[Outcome]] = {}
        self._best: dict[str, tuple[float, Job, Path | None]] = {}
        self._lacking: list[Job] = []

    def take(self, outcome: Outcome, group: str = "") -> None:
        """Take a run as it comes.

        Args:
            outcome: The run, its state with it if it was made just now.
            group: Among whose runs one is chosen: a contender.
        """
        if self._keep == "all" and self._write(outcome) is None and self._ended(outcome):
            self._lacking.append(outcome.job)
        if self._keep != "best":
            return
        its = group, _setting(outcome.job)
        held = self._held.setdefault(its, [])
        held.append(outcome)
        if len(held) == self._seeds:
            self._judge(group, self._held.pop(its))

    def _judge(self, group, held):
        losses = [self._loss(outcome) for outcome in held]
        best, _, written = self._best.get(group, (math.inf, None, None))
        score = float(np.median(losses))
        chosen = None
        if score < best:
            chosen = held[int(np.argmin(losses))]
            self._best[group] = score, chosen.job, self._write(chosen)
            _remove(written)
        for outcome in held:
            if outcome is not chosen and isinstance(outcome.state, Path):
                _remove(outcome.state)

    def finish(self, execute: Executor) -> None:
        """Make those runs again that are to be kept, but have left no more than a record."""
        chosen = [job for _, job, written in self._best.values() if written is None]
        lacking = [job for job in (*self._lacking, *chosen) if not has_state(self._folder(job))]
        for outcome in execute(lacking, self._runs) if lacking else ():
            how = "was made again, to keep its weights."
            if outcome.failure is not None:
                how = f"could not be made again, to keep its weights: {outcome.failure}"
            self._note(f"{self._folder(outcome.job)} {how}")
            self._write(outcome)

    def _folder(self, job):
        return folder_of(job.config, self._runs)

    def _ended(self, outcome):
        return math.isfinite(self._loss(outcome))

    def _loss(self, outcome):
        folder = self._folder(outcome.job)
        summary = None if outcome.failure else find_summary(folder)
        return math.inf if summary is None else last_loss(summary)

    def _write(self, outcome) -> Path | None:
        """Write the state that came with a run; return where it is."""
        folder = self._folder(outcome.job)
        if outcome.state is None or isinstance(outcome.state, Path):
            return outcome.state
        try:
            write_state(folder, outcome.state)
        except (CheckpointError, OSError) as error:
            self._note(f"{folder}: its weights could not be kept: {error}")
        return folder / folders.CHECKPOINTS


def write_state(folder: Path, state: training.TrainState) -> None:
    """Write the last state of a run into its folder, as ``ae-optax train`` does.

    Args:
        folder: The run's, with its record.
        state: The state, at the end of an epoch.

    Raises:
        CheckpointError: If it cannot be written.
        OSError: Likewise.
    """
    with folders.lock(folder, on_wait=lambda _: None):
        run = folders.read_run(folder)
        identity = {"data": run.summary.data.fingerprint if run.summary.data else ""}
        with Checkpoints(folder / folders.CHECKPOINTS, identity=identity) as store:
            if int(state.step) not in store.steps():
                training.keep_state(store, state, run.rows)


def kept_of(made: Sequence[Path]) -> str:
    """Return the name of that run whose state was kept, ``""`` if none was.

    Args:
        made: The folders of the runs of one setting; of several, the lowest loss decides.
    """
    found = filter(has_state, made)
    known = {folder: summary for folder in found if (summary := find_summary(folder))}
    return min(known, key=lambda folder: last_loss(known[folder])).name if known else ""


def has_state(folder: Path) -> bool:
    """Tell whether a run has left a state, not only a record."""
    return bool(Checkpoints(folder / folders.CHECKPOINTS).steps())


def last_loss(summary: Summary) -> float:
    """Return the last validation loss, or training loss without a set; infinite if it diverged."""
    losses = (summary.loss("validation"), summary.loss("train"))
    return math.inf if summary.diverged else next(filter(math.isfinite, losses), math.inf)


def _setting(job: Job) -> str:
    """Return all of a run but its seed, as text."""
    plain: dict[str, Any] = job.config.identity()
    settings = {name: x for name, x in plain["training"].items() if name != "seed"}
    return json.dumps(plain | {"training": settings})


def _remove(checkpoints: Path | None) -> None:
    if checkpoints is not None:
        shutil.rmtree(checkpoints, ignore_errors=True)
