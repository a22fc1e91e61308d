"""What an executor is given, and what it gives back."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ae_optax.lab.plans import RunConfig
from ae_optax.lab.training import TrainState


class Job(NamedTuple):
    """One run to be done.

    Attributes:
        config: The run.
        swept: Paths of what varies among the jobs it belongs to; numbers of the optimizer at or
            below them are arguments of a program that these jobs share, where they may be.
        keep: Whether its last state is wanted.
    """

    config: RunConfig
    swept: tuple[str, ...] = ()
    keep: bool = False

    def numbers(self) -> dict[str, float]:
        """Return the optimizer's swept numbers by path."""
        leaves = self.config.optimizer.leaves()
        return {path: x for path, x in leaves if type(x) is float and self._sweeps(path)}

    def rest(self) -> str:
        """Return everything else but the seed, as text."""
        plain: dict[str, Any] = self.config.identity()
        optimizer = self.config.optimizer
        numbers = self.numbers()
        plain["training"] = {k: v for k, v in plain["training"].items() if k != "seed"}
        plain["optimizer"] = [
            [(call.path, call.name) for call in optimizer.walk()],
            [(path, None if path in numbers else repr(x)) for path, x in optimizer.leaves()],
        ]
        return json.dumps(plain)

    def task(self) -> str:
        """Return what the optimizer is set to solve, as text."""
        plain, settings = self.config.identity(), self.config.training
        rest = [(k, v) for k, v in plain.items() if k not in {"training", "optimizer"}]
        # What is said in parts of the run depends on its length.
        length = (settings.epochs, settings.batch_size) if self.config.loss.steps() else None
        return json.dumps([rest, length])

    def _sweeps(self, path):
        return any(path == s or path.startswith((f"{s}.", f"{s}[")) for s in self.swept)


class Outcome(NamedTuple):
    """How a job ended.

    Attributes:
        job: The job.
        failure: Why it left no record, or ``None``: its record is in its folder.
        state: The last state, or the folder where it was saved, if the job was done just now, asked
            for it and did not diverge.
    """

    job: Job
    failure: str | None = None
    state: TrainState | Path | None = None


Executor: TypeAlias = Callable[[Sequence[Job], Path], Iterator[Outcome]]
"""``execute(jobs, runs)`` does jobs in any order, leaves the record of each in its folder below
``runs`` and yields its outcome as soon as it is known. A job that fails takes no other with it."""
