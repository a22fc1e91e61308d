"""The figures of a comparison."""

from typing import Any

import numpy as np

from ae_optax.report import _axes
from ae_optax.report._labels import label_curves
from ae_optax.report._palette import colour, line_style
from ae_optax.report._record import (
    Record,
    Spread,
    best_runs,
    over_seeds,
    runs_by_rate,
    untrained,
    with_result,
)
from ae_optax.report._svg import FONT_SIZE, drawing, to_svg

_ROW = 8.0


def sensitivity(record: Record, *, width: float, height: float, name: str) -> str | None:
    """Draw final test loss against learning rate, or nothing if nothing ran."""
    before = untrained(record)
    contenders = [(i, c) for i, c in enumerate(record["contenders"]) if c["runs"]]
    if before is None:
        return None
    diverging = [item for item in contenders if any(run["diverged"] for run in item[1]["runs"])]
    with drawing():
        top = 8 + (_ROW * len(diverging) + 8 if diverging else 0)
        figure, axes = _axes.make_axes(width, height, top=top)
        spreads = {i: _by_rate(contender) for i, contender in contenders}
        _limit(axes, [spread for _, spread in spreads.values()], "final test loss", before)
        rates = np.concatenate([rates for rates, _ in spreads.values()])
        _axes.rate_axis(axes, rates.min(), rates.max())
        level = _axes.Level(before, "untrained", "right", (0, (4, 3)))
        _axes.draw_level(axes, level)
        for position, (rates, spread) in spreads.items():
            _draw(axes, position, rates, spread, markers=True)
        _mark_divergence(axes, diverging)
        names = {
            i: (c["label"], *spreads[i])
            for i, c in contenders
            if np.isfinite(spreads[i][1].median).any()
        }
        label_curves(axes, names, levels=[level])
        described = "Final test loss against learning rate for each contender, both logarithmic."
        return to_svg(figure, name=name, description=described)


def loss_curves(record: Record, key: str, *, seconds: bool, name: str) -> str | None:
    """Draw a loss at each contender's best rate, by step or by seconds, or nothing.

    Args:
        record: A comparison.
        key: ``train_loss``, ``validation_loss`` or ``test_loss``.
        seconds: Whether the horizontal axis is time.
        name: A word for the figure that no other is called by.
    """
    spreads, names = {}, {}
    for position, contender in with_result(record):
        runs = best_runs(contender)
        spread = over_seeds(runs, key)
        if np.isfinite(spread.median).any():
            x = _epochs(record, key)
            x = x * _seconds(record, runs) if seconds else x * record["steps_per_epoch"]
            spreads[position] = (x, spread)
            names[position] = (contender["label"], x, spread)
    if not spreads:
        return None
    with drawing():
        figure, axes = _axes.make_axes(330, 250)
        loss = key.replace("_", " ").replace("train ", "training ")
        _limit(axes, [spread for _, spread in spreads.values()], loss)
        unit = "seconds of training" if seconds else "steps"
        _axes.count_axis(axes, unit, max(x[-1] for x, _ in spreads.values()))
        levels = []
        if key == "test_loss" and _in_sight(axes, record["target"]):
            levels = [_axes.Level(record["target"], "target", "left", "-")]
            _axes.draw_level(axes, levels[0])
        for position, (x, spread) in spreads.items():
            _draw(axes, position, x, spread, markers=False)
        label_curves(axes, names, levels=levels)
        described = f"{loss} by {'seconds' if seconds else 'steps'}, at each best learning rate."
        return to_svg(figure, name=name, description=described.capitalize())


def _in_sight(axes, y):
    floor, ceiling = axes.get_ylim()
    return y is not None and floor <= y <= ceiling


def _by_rate(contender) -> tuple[np.ndarray, Spread]:
    groups = runs_by_rate(contender)
    finals = [[_final(run) for run in runs] for runs in groups.values()]
    statistics = (np.median, np.min, np.max)
    spread = Spread(*(np.array([f(row) for row in finals]) for f in statistics))
    return np.array(list(groups)), spread


def _final(run):
    last = run["test_loss"][-1]
    return np.inf if run["diverged"] or last is None else last


def _limit(axes: Any, spreads, label, before=None):
    values = np.concatenate([np.concatenate(spread) for spread in spreads])
    values = values[np.isfinite(values)]
    values = np.append(values, [] if before is None else [before])
    _axes.loss_axis(axes, label, values.min(), values.max())


def _draw(axes, position, x, spread, *, markers):
    floor, ceiling = axes.get_ylim()
    low, high = np.clip(spread.lowest, floor, ceiling), np.clip(spread.highest, floor, ceiling)
    axes.fill_between(
        x,
        low,
        high,
        where=np.isfinite(spread.lowest),
        color=colour(position),
        alpha=0.16,
        linewidth=0,
    )
    style = line_style(position) | ({} if markers else {"marker": ""})
    axes.plot(x, np.where(np.isfinite(spread.median), spread.median, np.nan), **style)


def _mark_divergence(axes, diverging):
    height = axes.get_position().height * axes.figure.get_figheight() * 72
    for row, (position, contender) in enumerate(reversed(diverging)):
        y = 1 + (8 + _ROW * row) / height
        for rate, runs in runs_by_rate(contender).items():
            share = np.mean([run["diverged"] for run in runs])
            if share:
                axes.plot(
                    [rate],
                    [y],
                    transform=axes.get_xaxis_transform(),
                    color=colour(position),
                    marker="x",
                    markersize=4.5,
                    markeredgewidth=1.3,
                    alpha=1 if share == 1 else 0.55,
                    clip_on=False,
                )
    if diverging:
        y = 1 + (8 + _ROW * (len(diverging) - 1) / 2) / height
        axes.text(
            -0.005, y, "diverged", transform=axes.transAxes, ha="right", va="center",
            fontsize=FONT_SIZE - 1,
        )  # fmt: skip


def _epochs(record, key):
    """Where each value belongs: a training loss is a mean over its epoch, hence at its middle."""
    epochs = np.arange(record["epochs"] + 1.0)
    return epochs[:-1] + 0.5 if key == "train_loss" else epochs


def _seconds(record, runs):
    return float(np.median([run["seconds"] for run in runs])) / record["epochs"]
