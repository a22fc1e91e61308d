"""Vectors and what is made of them, as curves."""

from collections.abc import Sequence

import numpy as np

from ae_optax.lab._format import rate
from ae_optax.lab.figures import FAINT, colour, drawing, make_axes, to_svg

SHOWN = 4
FEATURES = 500
"""More of them are one black surface, and a large page."""


def vector_figure(
    number: int, original: np.ndarray, outputs: Sequence[tuple[int, str, np.ndarray]]
) -> str:
    """Draw a vector and what models make of it over its features.

    Args:
        number: Of the vector, from 1.
        original: Shape (d,).
        outputs: Position, which names the colour, label and output of each model.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    features = np.arange(1, len(original) + 1)[:FEATURES]
    style = {"marker": "o", "markersize": 2, "mew": 0} if len(features) <= 50 else {"marker": ""}
    with drawing():
        figure, axes = make_axes(330, 190, top=12)
        axes.plot(features, original[:FEATURES], color=FAINT, linewidth=2.2, **style)
        for position, _, output in outputs:
            values = np.where(np.isfinite(output), output, np.nan)[:FEATURES]
            axes.plot(features, values, color=colour(position), linewidth=0.9, **style)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
        axes.xaxis.set_label_text("feature")
        labels = ", ".join(label for _, label, _ in outputs)
        described = f"Test vector {number} and its reconstructions by {labels}."
        return to_svg(figure, name=f"v{number}", description=described)
