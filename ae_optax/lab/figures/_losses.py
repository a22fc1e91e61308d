"""The losses of one run, for a notebook."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab.figures._lines import Line, draw_line, fit_value_axis
from ae_optax.lab.figures._panels import make_panels
from ae_optax.lab.figures._spread import Spread
from ae_optax.lab.figures._svg import drawing, standalone


class Drawing(NamedTuple):
    """A drawing that notebooks show.

    Attributes:
        svg: The text of an SVG file.
    """

    svg: str

    def save(self, path: Path | str) -> None:
        """Write the SVG file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def __repr__(self) -> str:
        """Return how large it is."""
        return f"<Drawing: SVG of {len(self.svg)} characters>"

    def _repr_svg_(self) -> str:
        return self.svg


def draw_losses(steps: np.ndarray, losses: Mapping[str, np.ndarray]) -> Drawing:
    """Draw losses by step.

    Args:
        steps: Shape (n,).
        losses: By name, at least one, each of shape (n,); what is not finite is left out.
    """
    names = [name.removesuffix("_loss").replace("train", "training") for name in losses]
    spreads = [Spread(y, y, y) for y in losses.values()]
    with drawing():
        key = list(enumerate(names))
        panels = make_panels([""], columns=1, size=(360, 240), x="steps", y="loss", key=key)
        (axes,) = panels.axes
        fit_value_axis(axes, spreads, "")
        for position, spread in enumerate(spreads):
            draw_line(axes, Line(position, "", steps, spread), markers=len(steps) == 1)
        if len(steps) > 1:
            axes.set_xlim(0, steps[-1])
        return Drawing(standalone(panels.figure, description="Losses of a run by step."))
