"""An image as it is: every pixel a square."""

from typing import Any

import numpy as np


def draw_image(axes: Any, image: np.ndarray, *, above: str = "", beside: str = "") -> None:
    """Draw an image in place of a plot, without ticks.

    Args:
        axes: Of a figure.
        image: Shape (height, width) or (height, width, 3), in [0, 1]; what lies outside is clipped.
        above: A few words above it.
        beside: Likewise, on its left.
    """
    # Whatever the resolution, the file holds each pixel once, and its reader enlarges it.
    axes.imshow(
        np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="equal"
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    if above:
        axes.set_title(above, fontsize=axes.xaxis.label.get_fontsize(), pad=2)
    if beside:
        axes.set_ylabel(beside)
