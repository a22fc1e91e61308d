"""What a sweep leaves: its trials, best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ae_optax.lab.runs._codec import from_json, to_json
from ae_optax.lab.runs._files import SWEEP, DamagedError, read_record, write_record


@dataclass(frozen=True)
class SweptRun:
    """One run of a trial.

    Attributes:
        run: The name of its folder.
        seed: The seed.
        status: How it ended, as :class:`Summary` says; ``"failed"`` if it left no record.
        failure: Why it left none, or ``None``.
        train_loss: The last one; ``None`` if it is not finite or was not measured.
        validation_loss: Likewise.
        test_loss: Likewise.
        seconds: Of training and evaluation; ``None`` if it left no record.
    """

    run: str
    seed: int
    status: str
    failure: str | None
    train_loss: float | None
    validation_loss: float | None
    test_loss: float | None
    seconds: float | None


@dataclass(frozen=True)
class TrialRecord:
    """What a trial did.

    Attributes:
        values: What it varies, by path.
        train_loss: Median over seeds of the last one; ``None`` if too many runs did not end well.
        validation_loss: Likewise.
        test_loss: Likewise.
        runs: One for each seed.
    """

    values: Mapping[str, Any]
    train_loss: float | None
    validation_loss: float | None
    test_loss: float | None
    runs: Sequence[SweptRun]


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep found.

    Attributes:
        seeds: Of every trial.
        criterion: The loss by which trials are ordered, ``"validation_loss"`` as a rule.
        edges: Which values of the best trial are the ``"lowest"`` or ``"highest"`` tried, by path.
        trials: Best first.
        kept: The name of that run of the best trial whose weights are kept, ``""`` if none are.
    """

    seeds: Sequence[int]
    criterion: Literal["train_loss", "validation_loss"]
    edges: Mapping[str, str]
    trials: Sequence[TrialRecord]
    kept: str = ""


def write_sweep(folder: Path, record: SweepRecord) -> None:
    """Write what a sweep found.

    Raises:
        OSError: If it cannot be written.
    """
    write_record(folder / SWEEP, to_json(record))


def read_sweep(folder: Path) -> SweepRecord:
    """Return what a sweep found.

    Raises:
        FileNotFoundError: If there is no record.
        OSError: If it cannot be read.
        DamagedError: If it does not hold what it should, or was written by another version.
    """
    path = folder / SWEEP
    record = from_json(SweepRecord, read_record(path, lambda old: old), path)
    if not record.trials:
        raise DamagedError(f"{path}: `trials` must hold one at least, got [].")
    return record
