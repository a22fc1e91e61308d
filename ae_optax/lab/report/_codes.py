"""Codes of images as points of a plane."""

from collections.abc import Sequence
from html import escape

import numpy as np

from ae_optax.lab._format import rate
from ae_optax.lab.figures import LIGHT, colour, drawing, make_axes, to_svg

N_COLOURS = len(LIGHT)
MARKERS = "osD^v"


def code_figure(
    position: int, label: str, points: np.ndarray, width: int, classes: np.ndarray | None = None
) -> str:
    """Draw codes as points, in the colours of their classes or in one of the encoder.

    Args:
        position: Names the colour.
        label: Whose codes they are.
        points: Shape (n, 2); those not finite are left out.
        width: How many numbers a code has.
        classes: The class of each, from 0; ``None`` if nothing tells.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    kept = np.isfinite(points).all(axis=1)
    points = points[kept].reshape(-1, 2)
    groups = {position: points} if classes is None else _by_class(points, classes[kept])
    titles = ("code 1", "code 2") if width == 2 else ("first component", "second component")
    with drawing():
        figure, axes = make_axes(215, 215, top=20)
        for number, own in groups.items():
            marker = MARKERS[number // N_COLOURS % len(MARKERS)] if classes is not None else "o"
            axes.plot(*own.T, marker, color=colour(number), markersize=2, alpha=0.6, mew=0)
        for axis, title in zip((axes.xaxis, axes.yaxis), titles, strict=True):
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
            axis.set_label_text(title)
        axes.text(0.5, 1.03, label, transform=axes.transAxes, ha="center", color=colour(position))
        described = f"Codes of {len(points)} test images by {label}, of {width} numbers each."
        return to_svg(figure, name=f"z{position}", description=described)


def class_key(names: Sequence[str]) -> str:
    """Return what the colours and marks of classes mean, as HTML."""
    signs = "●■◆▲▼"
    return ", ".join(
        f'<span style="white-space:nowrap"><span style="color:var(--c{i % N_COLOURS})">'
        f"{signs[i // N_COLOURS % len(signs)]}</span> {escape(name)}</span>"
        for i, name in enumerate(names)
    )


def _by_class(points, classes):
    return {int(number): points[classes == number] for number in np.unique(classes)}
