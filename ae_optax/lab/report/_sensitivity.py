"""Final test loss against learning rate, with what diverged and what can be used."""

import numpy as np

from ae_optax.lab.figures import (
    FONT_SIZE,
    Level,
    Line,
    Spread,
    colour,
    draw_level,
    draw_line,
    drawing,
    fit_value_axis,
    label_curves,
    make_axes,
    rate_axis,
    to_svg,
)
from ae_optax.lab.report._comparison_facts import ranked, runs_by_rate, untrained
from ae_optax.lab.runs import ComparisonRecord

_ROW = 8.0
_GAP = 8.0


def sensitivity(record: ComparisonRecord, *, width: float, height: float, name: str) -> str | None:
    """Draw final test loss against learning rate, or nothing if nothing ran.

    Above the axes, a row for each contender: a bar over its usable rates, and a cross at every
    rate at which runs diverged, faint where not all did.
    """
    before = untrained(record)
    contenders = [(i, c) for i, c in ranked(record) if c.runs]
    if before is None:
        return None
    diverging = [item for item in contenders if any(run.diverged for run in item[1].runs)]
    usable = [item for item in contenders if item[1].best and item[1].best.usable]
    bands = [(rows, draw) for rows, draw in ((diverging, _crosses), (usable, _bar)) if rows]
    with drawing():
        top = _GAP + sum(_ROW * len(rows) + _GAP for rows, _ in bands)
        figure, axes = make_axes(width, height + top, top=top)
        lines = [Line(i, c.label, *_by_rate(c)) for i, c in contenders]
        fit_value_axis(axes, [line.spread for line in lines], "final test loss", before)
        rates = np.concatenate([line.x for line in lines])
        rate_axis(axes, rates.min(), rates.max())
        level = Level(before, "untrained", "right", (0, (4, 3)))
        draw_level(axes, level)
        for line in lines:
            draw_line(axes, line, markers=True)
        offset = _GAP
        for rows, draw in bands:
            _band(axes, rows, draw, offset)
            offset += _ROW * len(rows) + _GAP
        names = {
            i: (label, x, spread)
            for i, label, x, spread in lines
            if np.isfinite(spread.median).any()
        }
        label_curves(axes, names, levels=[level])
        described = "Final test loss against learning rate for each contender, both logarithmic."
        return to_svg(figure, name=name, description=described)


def _by_rate(contender) -> tuple[np.ndarray, Spread]:
    groups = runs_by_rate(contender)
    finals = [[_final(run) for run in runs] for runs in groups.values()]
    statistics = (np.median, np.min, np.max)
    spread = Spread(*(np.array([f(row) for row in finals]) for f in statistics))
    return np.array(list(groups)), spread


def _final(run):
    last = run.test_loss[-1]
    return last if np.isfinite(last) and not run.diverged else np.inf


def _band(axes, rows, draw, offset):
    """Draw a row for each contender above the axes, the best on top, with their name on the left.

    ``offset`` is the distance of the lowest row from the axes, in points.
    """
    height = axes.get_position().height * axes.figure.get_figheight() * 72
    for row, (position, contender) in enumerate(reversed(rows)):
        draw(axes, 1 + (offset + _ROW * row) / height, position, contender)
    middle = 1 + (offset + _ROW * (len(rows) - 1) / 2) / height
    word = {_crosses: "diverged", _bar: "usable"}[draw]
    axes.text(
        -0.005, middle, word, transform=axes.transAxes, ha="right", va="center",
        fontsize=FONT_SIZE - 1,
    )  # fmt: skip


def _crosses(axes, y, position, contender):
    for rate, runs in runs_by_rate(contender).items():
        share = np.mean([run.diverged for run in runs])
        if share:
            alpha = 1 if share == 1 else 0.55
            style = {"marker": "x", "markersize": 4.5, "markeredgewidth": 1.3, "alpha": alpha}
            _plot_above(axes, [rate], y, position, style)


def _bar(axes, y, position, contender):
    style = {"linewidth": 3, "marker": "o", "markersize": 3, "solid_capstyle": "round"}
    _plot_above(axes, contender.best.usable, y, position, style)


def _plot_above(axes, rates, y, position, style):
    axes.plot(
        rates,
        [y] * len(rates),
        transform=axes.get_xaxis_transform(),
        color=colour(position),
        clip_on=False,
        **style,
    )
