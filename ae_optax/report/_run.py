"""The pictures of a single run: its loss and its reconstructions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.report import _axes
from ae_optax.report._palette import FAINT, INK, LIGHT
from ae_optax.report._svg import drawing

_METADATA = {"Software": None}
_CURVES = (
    ("train_loss", "training", LIGHT[0]),
    ("validation_loss", "validation", LIGHT[2]),
    ("test_loss", "test", LIGHT[1]),
)


def loss_curve(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw a run's losses by epoch as a PNG file.

    Args:
        rows: One an epoch, as in ``metrics.jsonl``: ``epoch``, ``train_loss``, ``test_loss`` and
            ``validation_loss``, which may be ``None``.
        path: The file.
    """
    epochs = np.array([row["epoch"] for row in rows], dtype=np.float64)
    curves = [
        (name, colour, np.array([_number(row[key]) for row in rows]))
        for key, name, colour in _CURVES
    ]
    values = np.concatenate([y for _, _, y in curves]) if rows else np.array([])
    values = values[np.isfinite(values)]
    with drawing():
        figure, axes = _axes.make_axes(400, 270)
        if values.size:
            _axes.loss_axis(axes, "loss", values.min(), values.max())
        _axes.count_axis(axes, "epoch", epochs[-1] if len(epochs) else 1)
        for name, colour, y in curves:
            if np.isfinite(y).any():
                axes.plot(epochs, y, color=colour, label=name, linewidth=1.5, marker=".")
        if axes.lines:
            axes.legend(frameon=False, loc="upper right")
        else:
            axes.text(0.5, 0.5, "no finite loss", transform=axes.transAxes, ha="center")
        figure.savefig(path, format="png", dpi=160, metadata=_METADATA)


def reconstructions(originals: np.ndarray, outputs: np.ndarray, path: Path) -> None:
    """Draw originals above their reconstructions as a PNG file.

    Args:
        originals: Shape (k, height, width), in [0, 1].
        outputs: Likewise; what is not finite is black.
        path: The file.
    """
    from matplotlib.figure import Figure

    n = len(originals)
    height, width = originals.shape[1:]
    margin, cell, gap = 74.0, 44.0, 4.0
    tall = cell * height / width
    size = (margin + n * (cell + gap), 2 * (tall + gap) + gap)
    with drawing():
        figure = Figure(figsize=(size[0] / 72, size[1] / 72))
        for row, (name, images) in enumerate((("original", originals), ("output", outputs))):
            bottom = size[1] - (row + 1) * (tall + gap)
            figure.text(8 / size[0], (bottom + tall / 2) / size[1], name, va="center", color=INK)
            for column, image in enumerate(images):
                left = margin + column * (cell + gap)
                box = (left / size[0], bottom / size[1], cell / size[0], tall / size[1])
                axes = figure.add_axes(box, xticks=[], yticks=[])
                axes.spines[:].set(visible=True, color=FAINT, linewidth=0.3)
                shown = np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0)
                axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        figure.savefig(path, format="png", dpi=160, metadata=_METADATA)


def _number(value):
    return np.nan if value is None else float(value)
