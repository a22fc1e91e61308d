"""What run folders hold as events for TensorBoard."""

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab._format import is_number
from ae_optax.lab.report._comparison_facts import LOSSES
from ae_optax.lab.runs import (
    COMPARISON,
    SWEEP,
    ComparisonRecord,
    DamagedError,
    Run,
    beside,
    find_run,
    read_comparison,
    read_run,
    read_sweep,
)

_GROUPS = ("train", "validation", "test")
_NO_CURVES = ("epoch", "step", "seconds")
_LONGEST = 200
"""Characters of a folder's name; file systems take 255 bytes."""


def write_events(folder: Path) -> Path:
    """Write what a run folder holds as events for TensorBoard.

    A training run gives one run of TensorBoard, with its images; a comparison gives one for each
    contender, setting and seed, a sweep one for each trial, by its place, and seed. Events that are
    there already are replaced.

    Args:
        folder: The folder of a training run, a comparison or a sweep.

    Returns:
        The folder of the events, ``tensorboard`` within it.

    Raises:
        FileNotFoundError: If the folder holds none of them.
        ImportError: If tensorboardX is not installed.
        ValueError: If a file does not hold what it should, or none of a sweep's runs is there.
    """
    events = folder / "tensorboard"
    for old in events.rglob("events.out.tfevents.*"):
        old.unlink()
    if (folder / COMPARISON).exists():
        _write_comparison(read_comparison(folder), events)
    elif (folder / SWEEP).exists():
        _write_sweep(folder, events)
    else:
        _write_run(read_run(folder), events)
    return events


def _write_run(run: Run, events: Path) -> None:
    began, images = _time(run.summary.started), run.pictures
    with _writer(events) as writer:
        for row in run.rows:
            began += row.seconds
            _add(writer, row.flat(), row.step, began)
        for name in ("originals", "inputs", "reconstructions", "samples"):
            if name in images and images[name].ndim > 2:
                pixels = np.clip(np.nan_to_num(_with_channels(images[name])), 0, 1)
                step = run.rows[-1].step if run.rows else 0
                writer.add_images(name, pixels, step, walltime=began, dataformats="NHWC")
        writer.add_text("config", f"```yaml\n{run.config}\n```", 0)


def _write_comparison(record: ComparisonRecord, events: Path) -> None:
    began = _time(record.started)
    for contender in record.contenders:
        for run in contender.runs:
            setting = f"{run.learning_rate:g} {_words(run.values)}".strip()
            epochs = len(run.train_loss)
            curves = {**run.rows, **{key: getattr(run, key)[-epochs:] for key in LOSSES}}
            with _writer(_below(events, contender.label, setting, seed=run.seed)) as writer:
                for epoch in range(epochs):
                    row = {key: values[epoch] for key, values in curves.items()}
                    seconds = run.seconds * (epoch + 1) / epochs
                    _add(writer, row, (epoch + 1) * record.steps_per_epoch, began + seconds)


def _write_sweep(folder: Path, events: Path) -> None:
    trials = read_sweep(folder).trials
    found = [
        (run, _below(events, f"{place} {_words(trial.values)}", seed=its.seed))
        for place, trial in enumerate(trials, start=1)
        for its in trial.runs
        if (run := find_run(beside(folder, its.run))) is not None
    ]
    if not found:
        raise DamagedError(f"{folder}: holds a sweep none of whose runs lies beside it.")
    for run, place in found:
        _write_run(run, place)


def _add(writer: Any, row: Mapping[str, Any], step: int, time: float) -> None:
    for name, value in row.items():
        if np.isfinite(value) and name not in _NO_CURVES:
            writer.add_scalar(_tag(name), value, step, walltime=time)


def _tag(name: str) -> str:
    """Group ``test_psnr`` as ``test/psnr``, a stage's norm by the stage, all else together."""
    part, _, rest = name.partition("_")
    if part in _GROUPS and rest:
        return f"{part}/{rest}"
    return f"optimizer/{name.replace('.', '/')}"


def _with_channels(images):
    images = images if images.ndim == 4 else images[..., None]
    return images if images.shape[3] in (1, 3) else images.mean(axis=3, keepdims=True)


def _words(values: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={f'{value:g}' if is_number(value) else json.dumps(value)}"
        for name, value in values.items()
    )


def _below(events: Path, *names: str, seed: int) -> Path:
    """Return the folder of a run, its names made fit for folders: a label may hold anything."""
    names = (*names, f"seed {seed}")
    return events.joinpath(*(re.sub(r"[^\w.+=-]+", "_", name)[:_LONGEST] for name in names))


def _time(started: str) -> float:
    return datetime.datetime.fromisoformat(started).timestamp() if started else 0.0


def _writer(folder: Path) -> Any:
    from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

    return SummaryWriter(str(folder))
