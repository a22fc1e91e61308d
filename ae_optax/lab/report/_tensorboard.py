"""What run folders hold as events for TensorBoard."""

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab.report._comparison_facts import LOSSES
from ae_optax.lab.runs import COMPARISON, ComparisonRecord, Run, read_comparison, read_run

_GROUPS = ("train", "validation", "test")
_NO_CURVES = ("epoch", "step", "seconds")


def write_events(folder: Path) -> Path:
    """Write what a run folder holds as events for TensorBoard.

    A training run gives one run of TensorBoard, with its images; a comparison gives one for each
    contender, learning rate and seed. Events that are there already are replaced.

    Args:
        folder: The folder of a training run or of a comparison.

    Returns:
        The folder of the events, ``tensorboard`` within it.

    Raises:
        FileNotFoundError: If the folder holds neither.
        ImportError: If tensorboardX is not installed.
        ValueError: If a file does not hold what it should.
    """
    events = folder / "tensorboard"
    for old in events.rglob("events.out.tfevents.*"):
        old.unlink()
    if (folder / COMPARISON).exists():
        _write_comparison(read_comparison(folder), events)
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
            name = f"{contender.label}/{run.learning_rate:g}/seed {run.seed}"
            epochs = len(run.train_loss)
            curves = {**run.rows, **{key: getattr(run, key)[-epochs:] for key in LOSSES}}
            with _writer(events / _safe(name)) as writer:
                for epoch in range(epochs):
                    row = {key: values[epoch] for key, values in curves.items()}
                    seconds = run.seconds * (epoch + 1) / epochs
                    _add(writer, row, (epoch + 1) * record.steps_per_epoch, began + seconds)


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


def _safe(name: str) -> str:
    """Return a name fit for folders: a label may hold anything."""
    return "/".join(re.sub(r"[^\w.+=-]+", "_", part) for part in name.rsplit("/", 2))


def _time(started: str) -> float:
    return datetime.datetime.fromisoformat(started).timestamp() if started else 0.0


def _writer(folder: Path) -> Any:
    from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

    return SummaryWriter(str(folder))
