"""The folder of a run of one's own objects: all that ``ae-optax train`` leaves of a config's."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from ae_optax._transformation import Transformation
from ae_optax.lab import runs
from ae_optax.lab._environment import device, now, numerics, versions
from ae_optax.lab.checkpoints import Checkpoints
from ae_optax.lab.data import describe_data
from ae_optax.lab.models import count_parameters
from ae_optax.lab.runs import EpochRow
from ae_optax.lab.training._pictures import pictures_of
from ae_optax.lab.training._run import untrained
from ae_optax.lab.training._saving import Saving
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._task import Task

HEAD = "# Made in a program, of its own objects: load(folder, task=..., optimizer=...) takes them."


class RunFolder:
    """Writes what becomes of a run.

    Attributes:
        saving: Where its states are kept.
    """

    def __init__(self, folder: Path, task: Task, settings: Settings, store: Checkpoints):
        self._folder, self._task, self._settings = folder, task, settings
        self.saving = Saving(store)
        self._log: runs.Log | None = None
        self._steps = runs.StepLog(folder)
        before = runs.find_summary(folder)
        self._begun = runs.Summary(
            status="running",
            started=now(),
            seeds=[settings.seed],
            versions=versions(),
            device=device(),
            numerics=numerics(),
            data=describe_data(task.data),
            parameters=count_parameters(task.model, task.data.first(1)),
            untrained=(before and before.untrained) or untrained(task, settings.seed),
        )
        runs.write_summary(folder, self._begun)

    def start(self, rows: Sequence[EpochRow]) -> None:
        """Begin the log, or begin it again, with the epochs that were done before."""
        self.close()
        self._log = runs.Log(self._folder, rows)

    def epoch(self, row: EpochRow) -> None:
        """Write a row."""
        assert self._log is not None, "`start` comes first"
        self._log.write(row)

    def steps(self, steps: Mapping[str, np.ndarray]) -> None:
        """Write what was recorded of single steps."""
        self._steps.write(steps)

    def end(self, result: Any) -> None:
        """Write how a run ended, from what :func:`~ae_optax.lab.training.fit` returns."""
        self.close()
        runs.write_pictures(self._folder, pictures_of(self._task, result.state))
        summary = self._begun.ended(
            result.rows,
            result.status,
            fault=None if result.fault is None else str(result.fault),
            step=int(result.state.step),
            compile_seconds=result.compile_seconds,
        )
        runs.write_summary(self._folder, summary)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


@contextlib.contextmanager
def run_folder(
    folder: Path, task: Task, optimizer: optax.GradientTransformation, settings: Settings
) -> Iterator[RunFolder]:
    """Make the folder of a run, or take up the one that is there, and keep others out.

    Raises:
        ValueError: If it holds another run, or several processes train.
        FolderInUseError: If another process writes there.
        OSError: If it cannot be written.
    """
    if jax.process_count() > 1:
        raise ValueError(
            f"`folder` is of runs of one process, got {jax.process_count()}. Give `saving`."
        )
    folder.mkdir(parents=True, exist_ok=True)
    text, saved = _said(task, optimizer, settings), folder / runs.CONFIG
    with runs.lock(folder):
        if saved.exists():
            _check_same(runs.read_text(saved), text, folder)
        elif any(there.name != runs.LOCK and there.name[0] != "." for there in folder.iterdir()):
            raise ValueError(f"`folder` must be new, empty or of this run, got {folder}.")
        runs.write_file(saved, text)
        identity = {"data": task.data.fingerprint}
        log, states = folder / runs.LOG, folder / runs.CHECKPOINTS
        with Checkpoints(states, identity=identity, log=log) as store:
            its = RunFolder(folder, task, settings, store)
            with contextlib.closing(its):
                yield its


def recorded_settings(config: str) -> Settings | None:
    """Return the settings of a run of one's own objects, or ``None`` if a config made it.

    Args:
        config: What lies in its folder as the config.

    Raises:
        DamagedError: If it cannot be read.
    """
    if not config.startswith(HEAD):
        return None
    (line,) = re.findall(r"^training: (.*)$", config, re.MULTILINE) or ["null"]
    return runs.from_json(Settings, json.loads(line), f"{runs.CONFIG}: training")


def _said(task, optimizer, settings) -> str:
    """Return what is known of a run, as YAML; Optax's own optimizers do not tell what they are."""
    tells = isinstance(optimizer, Transformation)
    sections = {
        "data": task.data.name,
        "model": _shown(task.model),
        "loss": _shown(task.loss),
        "corruption": task.corruption and _shown(task.corruption),
        "metrics": [metric.name for metric in task.metrics],
        "optimizer": _shown(optimizer) if tells else "transformation",
        "training": runs.to_json(settings),
    }
    lines = (f"{name}: {json.dumps(value)}" for name, value in sections.items())
    return "\n".join([HEAD, *lines, ""])


def _shown(value):
    """Return how a value shows itself, without the addresses of functions."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _check_same(before: str, text: str, folder: Path) -> None:
    """Raise unless two runs are the same but for their lengths."""

    def told(config):
        return [re.sub(r'"epochs": \d+', "", line) for line in config.splitlines()]

    other = next((line for line in told(before) if line not in told(text)), None)
    if other is not None:
        raise ValueError(f"`folder` holds another run: {folder} says {other!r}. Name another.")
