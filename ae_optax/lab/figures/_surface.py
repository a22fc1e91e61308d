"""A loss over two coordinates, as lines of equal height."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ae_optax.lab.figures._palette import FAINT

_POINTS = 61


def draw_surface(
    axes: Any,
    loss: Callable[[np.ndarray], ArrayLike],
    *,
    x: tuple[float, float],
    y: tuple[float, float],
    levels: int = 9,
) -> None:
    """Draw lines of equal loss, at equal ratios of height above the lowest point in sight.

    Args:
        axes: Of a figure.
        loss: From points (n, 2) to losses (n,).
        x: The first and the last value of the first coordinate.
        y: The same of the second.
        levels: How many lines.
    """
    across, up = np.meshgrid(np.linspace(*x, _POINTS), np.linspace(*y, _POINTS))
    height = np.asarray(loss(np.column_stack([across.ravel(), up.ravel()])), np.float64)
    height = height.reshape(across.shape)
    above = height - height.min()
    smallest = np.quantile(above[above > 0], 0.002)
    heights = height.min() + np.geomspace(smallest, above.max(), levels)
    axes.contour(across, up, height, levels=heights, colors=FAINT, linewidths=0.5, alpha=0.55)
    axes.set_xlim(*x)
    axes.set_ylim(*y)
