"""A training run as its folder tells it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.figures import Line, Spread
from ae_optax.lab.report._record import LOSSES


class TrainRun(NamedTuple):
    """A training run.

    Attributes:
        label: What tables and figures call it.
        summary: Content of ``summary.json``.
        rows: One an epoch done, content of ``metrics.jsonl``; numbers that are not finite are
            ``None``.
        images: Content of ``images.npz``: ``originals``, ``inputs``, ``reconstructions`` and
            perhaps ``samples``, ``codes``, ``code_width``. Empty if there is no such file.
        config: Content of ``config.yaml``.
    """

    label: str
    summary: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    images: Mapping[str, np.ndarray]
    config: str


def read_run(folder: Path, label: str) -> TrainRun:
    """Read a training run's folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not hold JSON.
    """
    summary = _json(folder / "summary.json", (folder / "summary.json").read_text("utf-8"))
    log = folder / "metrics.jsonl"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    rows = [_json(log, line) for line in lines]
    images = {}
    if (folder / "images.npz").exists():
        with np.load(folder / "images.npz") as file:
            images = dict(file)
    return TrainRun(label, summary, rows, images, (folder / "config.yaml").read_text("utf-8"))


def labels_of(folders: Sequence[Path]) -> list[str]:
    """Return a label for each folder: its name, or its path if another has that name."""
    names = [folder.resolve().name for folder in folders]
    return [
        name if names.count(name) == 1 else str(folder)
        for name, folder in zip(names, folders, strict=True)
    ]


def line_of(
    run: TrainRun, key: str, *, position: int, label: str, seconds: bool = False
) -> Line | None:
    """Return the line of a number recorded of every epoch, or ``None`` if it never was finite.

    Args:
        run: The run.
        key: The number's name.
        position: Names the line's colour.
        label: Of the line.
        seconds: Whether the horizontal axis is the time of training and evaluation, not the steps.
    """
    y = np.array([_number(row.get(key)) for row in run.rows], dtype=np.float64)
    if key in LOSSES:
        y = np.where(np.isfinite(y), y, np.inf)
    if not np.isfinite(y).any():
        return None
    x = np.array([row["step"] for row in run.rows], dtype=np.float64)
    if seconds:
        x = np.cumsum([row["seconds"] for row in run.rows])
    if key == "train_loss":  # A mean over its epoch, hence at its middle.
        x = x - np.diff(x, prepend=0) / 2
    return Line(position, label, x, Spread(y, y, y))


def lowest(run: TrainRun) -> tuple[float, int] | None:
    """Return the lowest test loss and its epoch, or ``None`` if none was finite."""
    known = [(row["test_loss"], row["epoch"]) for row in run.rows if row["test_loss"] is not None]
    return min(known, default=None)


def data_name(run: TrainRun) -> str:
    """Return the name of the data, empty if the summary does not tell."""
    return run.summary.get("data", {}).get("name", "")


def final_loss(run: TrainRun) -> float | None:
    """Return the test loss after the last epoch; ``None`` if there is none or it is not finite."""
    return run.rows[-1]["test_loss"] if run.rows else None


def _json(path, text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}: must hold JSON, got {error}.") from error


def _number(value):
    return np.nan if value is None else float(value)
