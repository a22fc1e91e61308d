"""Lines with bands: medians over seeds, and from the lowest seed to the highest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.figures import _axes
from ae_optax.lab.figures._names_beside import label_curves
from ae_optax.lab.figures._palette import colour, line_style
from ae_optax.lab.figures._spread import Spread
from ae_optax.lab.figures._svg import drawing, to_svg


class Line(NamedTuple):
    """One line of a figure.

    Attributes:
        position: Names its colour and dashes.
        label: Written beside it, where there is room; empty for a line that is alone.
        x: Shape (n,).
        spread: Of y; shape (n,) each.
    """

    position: int
    label: str
    x: np.ndarray
    spread: Spread


class Labels(NamedTuple):
    """What is written along the axes, with units, and of the whole figure.

    Attributes:
        x: Of the horizontal axis.
        y: Of the vertical axis.
        description: What the figure shows, for those who cannot see it.
    """

    x: str
    y: str
    description: str


def line_figure(
    lines: Sequence[Line],
    labels: Labels,
    *,
    name: str,
    target: float | None = None,
    log: bool = True,
    size: tuple[float, float] = (330, 250),
) -> str | None:
    """Draw lines with bands over an axis from zero, or nothing if none has a finite point.

    Args:
        lines: The lines.
        labels: Of the axes.
        name: A word for the figure that no other is called by.
        target: A level to draw, if it lies in sight.
        log: Whether the vertical axis is logarithmic, where all values are positive.
        size: Width and height in points.
    """
    lines = [line for line in lines if np.isfinite(line.spread.median).any()]
    if not lines:
        return None
    with drawing():
        figure, axes = _axes.make_axes(*size)
        fit_value_axis(axes, [line.spread for line in lines], labels.y, log=log)
        _axes.count_axis(axes, labels.x, max(line.x[-1] for line in lines))
        levels = []
        if target is not None and _in_sight(axes, target):
            levels = [_axes.Level(target, "target", "left", "-")]
            _axes.draw_level(axes, levels[0])
        for line in lines:
            draw_line(axes, line, markers=len(line.x) == 1)
        named = {i: (label, x, spread) for i, label, x, spread in lines if label}
        label_curves(axes, named, levels=levels)
        return to_svg(figure, name=name, description=labels.description)


def fit_value_axis(
    axes: Any, spreads: Sequence[Spread], label: str, *extra: float, log: bool = True
):
    """Fit the vertical axis to all finite values, and to those of ``extra``."""
    values = np.concatenate([*(np.concatenate(spread) for spread in spreads), extra])
    values = values[np.isfinite(values)]
    _axes.value_axis(axes, label, values.min(), values.max(), log=log)


def draw_line(axes: Any, line: Line, *, markers: bool) -> None:
    """Draw a line and its band, within the limits of the axes."""
    floor, ceiling = axes.get_ylim()
    _, _, x, spread = line
    low, high = np.clip(spread.lowest, floor, ceiling), np.clip(spread.highest, floor, ceiling)
    shade, there = colour(line.position), np.isfinite(spread.lowest)
    if (low < high).any():
        axes.fill_between(x, low, high, where=there, color=shade, alpha=0.16, linewidth=0)
    style = line_style(line.position) | ({} if markers else {"marker": ""})
    known = np.where(np.isfinite(spread.median), spread.median, np.nan)
    axes.plot(x, known, label=line.label or "_", **style)


def _in_sight(axes, y):
    floor, ceiling = axes.get_ylim()
    return floor <= y <= ceiling
