"""What studies draw of comparisons: losses over epochs, and last losses over learning rates."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ae_optax.lab.figures._axes import log_axes
from ae_optax.lab.figures._lines import Line, draw_line, fit_value_axis
from ae_optax.lab.figures._spread import spread_of


def draw_over_epochs(axes: Any, curves: Mapping[int, ArrayLike], label: str) -> None:
    """Draw losses by epoch, from the untrained model on, as medians over seeds with their range.

    Args:
        axes: Of a figure.
        curves: Shape (seeds, epochs + 1), by the position that names a contender's colour.
        label: Written beside the axis of the losses.
    """
    spreads = {position: spread_of(seeds) for position, seeds in curves.items()}
    fit_value_axis(axes, [*spreads.values()], label)
    for position, spread in spreads.items():
        epochs = np.arange(len(spread.median))
        draw_line(axes, Line(position, "", epochs, spread), markers=False)


def draw_over_rates(panels: Sequence[Any], found: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Draw last losses over learning rates, as medians over seeds with their range.

    Args:
        panels: Axes that share both directions.
        found: For every panel, of every contender in the order of their colours:
            ``learning_rates``, and ``test_loss`` with a list over seeds for each of them, ``None``
            where a run diverged.
    """
    spreads = [[spread_of(np.transpose(one["test_loss"])) for one in its] for its in found]
    fit_value_axis(panels[0], [spread for its in spreads for spread in its], "")
    for axes, contenders, its in zip(panels, found, spreads, strict=True):
        for position, (one, spread) in enumerate(zip(contenders, its, strict=True)):
            rates = np.array(one["learning_rates"])
            draw_line(axes, Line(position, "", rates, spread), markers=True)
    log_axes(panels[0], "x")
