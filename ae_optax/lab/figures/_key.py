"""The key to a figure that has no page around it."""

from collections.abc import Sequence
from typing import Any

from ae_optax.lab.figures._palette import line_style
from ae_optax.lab.figures._svg import FONT_SIZE


def legend(figure: Any, names: Sequence[tuple[int, str]]) -> None:
    """Write above a figure what its lines are, from positions and names."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=name, **line_style(position)) for position, name in names]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=len(handles),
        frameon=False,
        fontsize=FONT_SIZE - 0.5,
        handlelength=1.8,
        columnspacing=1.2,
        borderpad=0,
    )
