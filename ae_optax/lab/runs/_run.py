"""What a training run leaves: how it ended, its rows, its config and its pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ae_optax.lab.runs._files import (
    CONFIG,
    LOG,
    PICTURES,
    STEPS,
    SUMMARY,
    DamagedError,
    digest,
    in_words,
    read_text,
    write_file,
)
from ae_optax.lab.runs._log import EpochRow, Log, read_rows
from ae_optax.lab.runs._pictures import read_pictures, write_pictures
from ae_optax.lab.runs._steps import StepLog, Steps, read_steps
from ae_optax.lab.runs._summary import Summary, find_summary, read_summary, write_summary


@dataclass(frozen=True)
class Run:
    """A training run as its folder tells it.

    Attributes:
        folder: The folder.
        summary: How it ended, and where its numbers come from.
        rows: One for every epoch done.
        config: Its config, YAML with every default written.
    """

    folder: Path
    summary: Summary
    rows: Sequence[EpochRow]
    config: str

    @property
    def pictures(self) -> dict[str, np.ndarray]:
        """What there is to see, read anew; see :func:`read_pictures`."""
        _check_digest(self.folder, self.summary, PICTURES)
        return read_pictures(self.folder)

    @property
    def steps(self) -> dict[str, np.ndarray]:
        """What was recorded of single steps, read anew; see :func:`read_steps`."""
        _check_digest(self.folder, self.summary, STEPS)
        return read_steps(self.folder)

    @property
    def last(self) -> EpochRow | None:
        """The row of the state that is kept, or the last there is; ``None`` if there is none."""
        return self.summary.last or (self.rows[-1] if self.rows else None)


def read_run(folder: Path) -> Run:
    """Read the folder of a training run, whether it has come to its end or not.

    Raises:
        FileNotFoundError: If it holds no summary or no config.
        OSError: If a file cannot be read.
        DamagedError: If a file does not hold what it should, or the log is not the one that the
            summary tells of.
    """
    run = Run(folder, read_summary(folder), read_rows(folder), read_text(folder / CONFIG))
    if run.summary.status != "running":
        _check_digest(folder, run.summary, LOG)
        _check_last_row(run)
    return run


def find_run(folder: Path) -> Run | None:
    """Return the run in a folder if it has come to its end and can be read, else ``None``."""
    summary = find_summary(folder)
    if summary is None or not summary.has_ended:
        return None
    try:
        return read_run(folder)
    except (OSError, DamagedError):
        return None


def beside(folder: Path, name: str) -> Path:
    """Return the folder of a run, by its name, that a sweep or a comparison is made of."""
    # A comparison that lies elsewhere has its runs in a folder beside it.
    aside = folder.parent / "runs" / name
    return aside if aside.exists() else folder.parent / name


def damage(folder: Path) -> list[str]:
    """Return what is damaged in the folder of a training run, a line for each file.

    What a run that has not come to its end lacks is no damage.
    """
    try:
        run = read_run(folder)
    except (OSError, DamagedError) as error:
        return [in_words(error)]
    try:
        _ = run.pictures
    except (OSError, DamagedError) as error:
        return [in_words(error)]
    return []


def write_run(
    folder: Path,
    config: str,
    rows: Sequence[EpochRow],
    pictures: Mapping[str, np.ndarray],
    summary: Summary,
    *,
    steps: Steps | None = None,
) -> None:
    """Write all that a run leaves, the summary last: where it is, the run is complete.

    It does not wait for the disk: what a crash of the machine leaves half done is done again.

    Args:
        folder: The folder.
        config: The config, YAML with every default written.
        rows: One for every epoch done.
        pictures: What there is to see.
        summary: How it ended.
        steps: What was recorded of single steps, if anything was.

    Raises:
        OSError: If it cannot be written.
    """
    write_file(folder / CONFIG, config, durable=False)
    Log(folder, rows, durable=False).close()
    if steps and len(steps["step"]):
        StepLog(folder).write(steps)
    write_pictures(folder, pictures, durable=False)
    write_summary(folder, summary, durable=False)


def _check_digest(folder, summary, name):
    """Raise if a file is not the one that a run left at its end."""
    path = folder / name
    if name not in summary.files or summary.status == "running":
        return
    if not path.exists():
        raise DamagedError(f"{path}: must be there, as {SUMMARY} tells of it.")
    if digest(path) != summary.files[name]:
        raise DamagedError(f"{path}: must be as it was written, got another SHA-256.")


def _check_last_row(run):
    """Raise if the log does not end as the summary says, which the older ones have no digest of."""
    step = math.inf if run.summary.step is None else run.summary.step
    rows = [row for row in run.rows if row.step <= step]
    told, last = run.summary.last, rows[-1] if rows else None
    if told is not None and (last is None or (last.epoch, last.step) != (told.epoch, told.step)):
        found = "none" if last is None else f"epoch {last.epoch} at step {last.step}"
        raise DamagedError(
            f"{run.folder / LOG}: its last row must be of epoch {told.epoch} at step {told.step}, "
            f"as {SUMMARY} says, got {found}."
        )
