"""What reports tell of a training run."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ae_optax.lab.figures import Line, Spread
from ae_optax.lab.report._comparison_facts import LOSSES
from ae_optax.lab.runs import Run

POINTS = 1000
"""More are not to be told apart in a figure."""


def labels_of(folders: Sequence[Path]) -> list[str]:
    """Return a label for each folder: its name, with as much of its path as tells it apart."""
    paths = [folder.resolve().parts for folder in folders]
    labels = ["/".join(path[-1:]) for path in paths]
    for depth in range(2, max(map(len, paths), default=0) + 1):
        counts = Counter(labels)
        if len(counts) == len(set(paths)):
            break
        labels = [
            label if counts[label] == 1 else "/".join(path[-depth:])
            for label, path in zip(labels, paths, strict=True)
        ]
    return labels


def line_of(run: Run, key: str, *, position: int, label: str, seconds: bool = False) -> Line | None:
    """Return the line of a number recorded of every epoch, or ``None`` if it never was finite.

    Args:
        run: The run.
        key: The number's name.
        position: Names the line's colour.
        label: Of the line.
        seconds: Whether the horizontal axis is the time of training and evaluation, not the steps.
    """
    y = np.array([row.flat().get(key, np.nan) for row in run.rows], dtype=np.float64)
    if key in LOSSES:
        y = np.where(np.isfinite(y), y, np.inf)
    if not np.isfinite(y).any():
        return None
    x = np.array([row.step for row in run.rows], dtype=np.float64)
    if seconds:
        x = np.cumsum([row.seconds for row in run.rows])
    if key == "train_loss":  # A mean over its epoch, hence at its middle.
        x = x - np.diff(x, prepend=0) / 2
    every = -(-len(x) // POINTS)
    kept = slice((len(x) - 1) % every, None, every)  # The last one among them.
    x, y = x[kept], y[kept]
    return Line(position, label, x, Spread(y, y, y))


def lowest(run: Run) -> tuple[float, int] | None:
    """Return the lowest test loss and its epoch, or ``None`` if none was finite."""
    known = [(row.test_loss, row.epoch) for row in run.rows if np.isfinite(row.test_loss)]
    return min(known, default=None)


def data_name(run: Run) -> str:
    """Return the name of the data, empty if the summary does not tell."""
    return run.summary.data.name if run.summary.data else ""


def measured_by(run: Run) -> tuple[str, str]:
    """Return the fingerprint of the data and the loss, in words: losses of one are comparable."""
    loss = " ".join(loss_section(run.config).split())
    return (run.summary.data.fingerprint if run.summary.data else ""), loss


def loss_section(config: str) -> str:
    """Return what a config says of the loss, empty if nothing."""
    section = re.search(r"^loss:(.*(?:\n[ -].*)*)", config, re.MULTILINE)
    return section[1] if section else ""


def changes_weights(loss: str) -> bool:
    """Whether the weight of a term is a schedule, such as a warm-up of the KL divergence.

    Args:
        loss: What a config says of it, as YAML or JSON.
    """
    return re.search(r'\b(?:beta|weight)"?:\s*(?:\{|\n?\s*name:)', loss) is not None


def final_loss(run: Run) -> float | None:
    """Return the test loss of what is kept; ``None`` if there is none or it is not finite."""
    last = np.nan if run.last is None else run.last.test_loss
    return last if np.isfinite(last) else None
