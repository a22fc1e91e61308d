"""The folder of a run, named after its config: what is there need not be done again."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab import runs as folders
from ae_optax.lab.config import dump
from ae_optax.lab.plans import RunConfig
from ae_optax.lab.training import EpochRow, RunResult, make_row

UNFINISHED = ("running", "interrupted")


class Record(NamedTuple):
    """What a finished run left behind.

    Attributes:
        folder: Where it lies.
        summary: Its last losses, how it ended and what it ran on.
    """

    folder: Path
    summary: Mapping[str, Any]

    @property
    def diverged(self) -> bool:
        """Whether something was not finite."""
        return self.summary["status"] == "diverged"

    def loss(self, part: str) -> float:
        """Return the last loss of ``train``, ``validation`` or ``test``; NaN if there is none."""
        value = self.summary.get(f"{part}_loss")
        return math.nan if value is None else value


def folder_of(config: RunConfig, runs: Path) -> Path:
    """Return the folder of a run below ``runs``."""
    return runs / folders.run_id(config.identity())


def read_record(folder: Path) -> Record | None:
    """Return what a run left in its folder, or ``None`` if it has not come to its end."""
    summary = folders.read_json(folder / "summary.json")
    if not isinstance(summary, dict) or summary.get("status", "running") in UNFINISHED:
        return None
    return Record(folder, summary)


def write_record(
    folder: Path,
    config: RunConfig,
    rows: Sequence[EpochRow],
    *,
    status: str,
    untrained: Mapping[str, Any],
    images: Mapping[str, Any],
    seconds: float,
    about: Mapping[str, Any],
) -> None:
    """Write what a run left behind, the summary last: where it is, the record is complete.

    Args:
        folder: The run's.
        config: The run's.
        rows: Of the epochs it has done.
        status: How it ended.
        untrained: What was measured before training.
        images: What there is to see.
        seconds: How long it took, compilation excluded.
        about: Further entries of the summary.

    Raises:
        FolderInUseError: If another process makes the same run.
        OSError: If it cannot be written.
    """
    before = {name: float(value) for name, value in untrained.items()}
    logged = [row.jsonable() for row in rows]
    summary = {
        "status": status,
        **(logged[-1] if logged else {}),
        "seconds": seconds,
        "untrained": {k: v if math.isfinite(v) else None for k, v in before.items()},
        **about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with folders.lock(folder):
        # Not one of them waits for the disk: what a crash leaves half done is done again.
        folders.write_whole(folder / "config.yaml", dump(config))
        folders.MetricsLog(folder / "metrics.jsonl", logged).close()
        np.savez_compressed(folder / "images.npz", **images)
        text = json.dumps(summary, indent=1, allow_nan=False)
        folders.write_whole(folder / "summary.json", f"{text}\n")


def rows_of(result: RunResult, steps_per_epoch: int, seconds: float) -> list[EpochRow]:
    """Return the rows of a run that was one program: until it was lost, if it was.

    Args:
        result: What came out.
        steps_per_epoch: Steps between two measurements.
        seconds: How long an epoch took.
    """
    rows: list[EpochRow] = []
    for i, train_loss in enumerate(result.rows["train_loss"]):
        if not math.isfinite(train_loss) or (rows and not math.isfinite(rows[-1].test_loss)):
            break
        numbers = {name: values[i] for name, values in result.rows.items()}
        rows.append(make_row(i + 1, (i + 1) * steps_per_epoch, seconds, numbers))
    return rows
