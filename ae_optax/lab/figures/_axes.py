"""Axes as all figures of the report have them."""

from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab._format import integer, power_of_ten, rate
from ae_optax.lab.figures._palette import FAINT, INK
from ae_optax.lab.figures._svg import FONT_SIZE

_MARGINS = {"left": 53, "right": 10, "bottom": 38}


def make_axes(width: float, height: float, *, top: float = 8) -> tuple[Any, Any]:
    """Return a figure of ``width`` by ``height`` points and its axes, ``top`` points below it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes(
        (
            _MARGINS["left"] / width,
            _MARGINS["bottom"] / height,
            1 - (_MARGINS["left"] + _MARGINS["right"]) / width,
            1 - (_MARGINS["bottom"] + top) / height,
        )
    )
    return figure, axes


def value_axis(axes: Any, label: str, lowest: float, highest: float, *, log: bool = True) -> None:
    """Make the vertical axis logarithmic; linear if not ``log`` or a value is not positive."""
    if log and lowest > 0:
        margin = (highest / lowest) ** 0.06 if highest > lowest else 1.2
        axes.set_yscale("log")
        axes.set_ylim(lowest / margin, highest * margin)
        _log_ticks(axes.yaxis, np.log10(highest / lowest), _brief)
    else:
        margin = 0.06 * (highest - lowest) or 1.0
        axes.set_ylim(lowest - margin, highest + margin)
    axes.set_ylabel(label)
    axes.yaxis.set_label_coords(-41 / _width(axes), 0.5)


def rate_axis(axes: Any, lowest: float, highest: float) -> None:
    """Make the horizontal axis logarithmic, with learning rates."""
    margin = (highest / lowest) ** 0.03 if highest > lowest else 2
    axes.set_xscale("log")
    axes.set_xlim(lowest / margin, highest * margin)
    _log_ticks(axes.xaxis, np.log10(highest / lowest), rate)
    axes.set_xlabel("learning rate")


def count_axis(axes: Any, label: str, highest: float) -> None:
    """Make the horizontal axis linear from zero."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(0, highest * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    write = integer if highest > 10 else rate
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    axes.set_xlabel(label)


def log_axes(axes: Any, which: str = "xy") -> None:
    """Make axes logarithmic that hold their curves already, with ticks as people write them.

    Args:
        axes: Of a figure.
        which: ``"x"``, ``"y"`` or both.
    """
    for name in which:
        axis = getattr(axes, f"{name}axis")
        getattr(axes, f"set_{name}scale")("log")
        axes.autoscale_view()
        lowest, highest = axis.get_view_interval()
        _log_ticks(axis, np.log10(highest / lowest), _brief)


class Level(NamedTuple):
    """A horizontal line that curves are read against.

    Attributes:
        y: Its height.
        text: Its name, written above it.
        side: At which end: ``left`` or ``right``.
        dashes: Matplotlib's line style.
    """

    y: float
    text: str
    side: str
    dashes: Any


def draw_level(axes: Any, level: Level) -> None:
    """Draw a horizontal line with its name."""
    axes.axhline(level.y, color=INK, linewidth=0.7, linestyle=level.dashes, alpha=0.7)
    axes.annotate(
        level.text,
        (1 if level.side == "right" else 0, level.y),
        xycoords=("axes fraction", "data"),
        xytext=(0 if level.side == "right" else 3, 2.5),
        textcoords="offset points",
        ha=level.side,
        va="bottom",
        fontsize=FONT_SIZE - 1,
    )


def _brief(value):
    """Write a power of ten as one where it would not fit beside the axis, and else as a rate."""
    power = round(np.log10(value))
    return power_of_ten(power) if abs(power) > 3 and value == 10.0**power else rate(value)


def _log_ticks(axis, decades, write):
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    few = decades < 2
    subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 0.8 else (1.0, 2.0, 5.0) if few else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=99))
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(which="minor", color=FAINT)


def _width(axes):
    return axes.get_position().width * axes.figure.get_figwidth() * 72
