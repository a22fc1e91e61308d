"""The folder of a run, named after its config: what is there need not be done again."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ae_optax.lab import runs as folders
from ae_optax.lab.config import dump
from ae_optax.lab.data import Dataset
from ae_optax.lab.plans import RunConfig
from ae_optax.lab.runs import EpochRow, Steps, Summary, make_row
from ae_optax.lab.training import RunResult

DataOf: TypeAlias = Callable[[RunConfig], Dataset]
"""Gives the data of a run."""


def build_once() -> DataOf:
    """Make what builds the data of runs from their configs, each set once."""
    built: dict[str, Dataset] = {}

    def data_of(config: RunConfig) -> Dataset:
        key = json.dumps(config.data.plain())
        if key not in built:
            built[key] = config.data.build()
        return built[key]

    return data_of


def folder_of(config: RunConfig, runs: Path) -> Path:
    """Return the folder of a run below ``runs``."""
    return runs / folders.run_id(config.identity())


def keep(
    folder: Path,
    config: RunConfig,
    rows: Sequence[EpochRow],
    pictures: Mapping[str, np.ndarray],
    summary: Summary,
    *,
    steps: Steps | None = None,
) -> None:
    """Write what a run left behind into its folder.

    Args:
        folder: The run's.
        config: The run's.
        rows: Of the epochs it has done.
        pictures: What there is to see.
        summary: How it ended.
        steps: What was recorded of single steps, if anything was.

    Where another process makes the same run, it waits until that is done.

    Raises:
        OSError: If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with folders.lock(folder, on_wait=lambda _: None):
        for own in config.code():
            folders.write_file(folder / own.file, own.source, durable=False)
        folders.write_run(folder, dump(config), rows, pictures, summary, steps=steps)


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
