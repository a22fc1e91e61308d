"""Codes of images as points of a plane."""

import numpy as np

from ae_optax.lab._format import rate
from ae_optax.lab.figures import colour, drawing, make_axes, to_svg


def code_figure(position: int, label: str, points: np.ndarray, width: int) -> str:
    """Draw codes as points.

    Args:
        position: Names the colour.
        label: Whose codes they are.
        points: Shape (n, 2); those not finite are left out.
        width: How many numbers a code has.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    points = points[np.isfinite(points).all(axis=1)].reshape(-1, 2)
    titles = ("code 1", "code 2") if width == 2 else ("first component", "second component")
    with drawing():
        figure, axes = make_axes(215, 215, top=20)
        axes.plot(*points.T, "o", color=colour(position), markersize=2, alpha=0.6, mew=0)
        for axis, title in zip((axes.xaxis, axes.yaxis), titles, strict=True):
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
            axis.set_label_text(title)
        axes.text(0.5, 1.03, label, transform=axes.transAxes, ha="center", color=colour(position))
        described = f"Codes of {len(points)} test images by {label}, of {width} numbers each."
        return to_svg(figure, name=f"z{position}", description=described)
