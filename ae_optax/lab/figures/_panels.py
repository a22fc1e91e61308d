"""Small multiples: the same axes several times."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ae_optax.lab.figures._key import legend
from ae_optax.lab.figures._svg import FONT_SIZE

_KEY = 16.0


class Panels(NamedTuple):
    """A figure of equal panels.

    Attributes:
        figure: Matplotlib's figure.
        axes: The axes of each panel, row by row.
    """

    figure: Any
    axes: Sequence[Any]


def make_panels(
    titles: Sequence[str],
    *,
    columns: int,
    size: tuple[float, float] = (200, 150),
    x: str = "",
    y: str = "",
    key: Sequence[tuple[int, str]] = (),
    share_x: bool = True,
    share_y: bool = True,
) -> Panels:
    """Make a figure of panels, each with a title.

    Args:
        titles: Of the panels, row by row; their number is that of the panels.
        columns: How many stand side by side, at least 1.
        size: Width and height of one panel in points, labels included.
        x: Written once below the lowest row.
        y: Written once beside the left column.
        key: Position and name of each kind of line, written once above all.
        share_x: Whether all panels have the horizontal axis of the first.
        share_y: Whether all panels have the vertical axis of the first.
    """
    from matplotlib.figure import Figure

    columns = min(columns, len(titles))
    rows = math.ceil(len(titles) / columns)
    width, height = columns * size[0] + 16, rows * size[1] + 16 + (_KEY if key else 0)
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=share_x, sharey=share_y, squeeze=False)
    axes = [panel for row in grid for panel in row]
    for spare in axes[len(titles) :]:
        spare.set_axis_off()
    for panel, title in zip(axes, titles, strict=False):
        panel.set_title(title, fontsize=FONT_SIZE, loc="left")
    if x:
        figure.supxlabel(x, fontsize=FONT_SIZE)
    if y:
        figure.supylabel(y, fontsize=FONT_SIZE)
    if key:
        legend(figure, key)
    return Panels(figure, axes[: len(titles)])
