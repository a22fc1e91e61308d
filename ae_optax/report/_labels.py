"""Names beside curves, where there is room for them."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ae_optax.report._palette import colour
from ae_optax.report._record import Spread
from ae_optax.report._svg import FONT_SIZE

_GAP = 3.0
_SIDES = (*itertools.product((0.5, 1.0, 0.0), (0.0, 1.0)), (0.0, 0.5), (1.0, 0.5))


def label_curves(
    axes: Any,
    curves: dict[int, tuple[str, np.ndarray, Spread]],
    *,
    lines: Sequence[float] = (),
) -> None:
    """Write each curve's name beside it, unless it would lie on a curve or another name.

    Places are tried along each curve; the one furthest from all other curves is taken.

    Args:
        axes: Axes with their final limits.
        curves: ``(name, x, spread of y)`` for each contender's position.
        lines: Heights of horizontal lines, each with a word at its right end, to keep clear of.
    """
    scale = 72 / axes.figure.dpi
    bounds = axes.bbox.extents * scale
    dense = {
        position: np.concatenate([_dense(_in_points(axes, x, y) * scale) for y in spread])
        for position, (_, x, spread) in curves.items()
    }
    levels = [_level(axes, y) * scale for y in lines]
    taken = [np.array([*(line[-1] - [6 * FONT_SIZE, 0]), *(line[-1] + [0, 11])]) for line in levels]
    for position, (name, _, _) in curves.items():
        size = np.array([0.6 * FONT_SIZE * len(name), 0.95 * FONT_SIZE])
        others = [curve for other, curve in dense.items() if other != position and len(curve)]
        place = _best(dense[position], size, others + levels, taken, bounds)
        if place is None:
            continue
        box, right = place
        taken.append(box)
        # The page's font may be wider than the measure: let it grow away from the curve.
        side, left = {0.0: ("left", box[0]), 1.0: ("right", box[2])}.get(
            right, ("center", (box[0] + box[2]) / 2)
        )
        x, y = axes.transData.inverted().transform(np.array([left, box[1]]) / scale)
        axes.text(x, y, name, color=colour(position), ha=side, va="bottom", clip_on=False)


def _best(curve, size, others, taken, bounds):
    best, best_score = None, 0.0
    for anchor in curve[:: max(1, len(curve) // 150)]:
        for right, up in _SIDES:
            corner = anchor - size * [right, 1 - up] + [_GAP * (1 - 2 * right), _GAP * (2 * up - 1)]
            box = np.concatenate([corner, corner + size])
            score = _room(box, curve, others, taken, bounds)
            if score > best_score + 1e-6:
                best, best_score = (box, right), score
    return best


def _room(box, curve, others, taken, bounds):
    """Distance to what is nearest, up to some em; negative if the place will not do."""
    outside = (box[:2] < bounds[:2]).any() or (box[2:] > bounds[2:]).any()
    if outside or _distance(box, curve) < 1.5:
        return -1.0
    if any(_overlap(box, other) for other in taken):
        return -1.0
    nearest = min((_distance(box, other) for other in others), default=np.inf)
    own = _distance(box, curve)
    return min(nearest, 4 * FONT_SIZE) - own if nearest > own + 2 else -1.0


def _distance(box, points):
    gap = np.maximum(np.maximum(box[:2] - points, points - box[2:]), 0)
    return float(np.sqrt((gap**2).sum(1)).min())


def _overlap(a, b):
    return bool((a[:2] - 2 < b[2:]).all() and (b[:2] - 2 < a[2:]).all())


def _in_points(axes, x, y):
    floor, ceiling = axes.get_ylim()
    inside = np.isfinite(y) & (y >= floor) & (y <= ceiling)
    return axes.transData.transform(np.column_stack([x, y])[inside])


def _level(axes, y):
    left, right = axes.get_xlim()
    ends = axes.transData.transform(np.array([[left, y], [right, y]]))
    return ends[0] + np.linspace(0, 1, 200)[:, None] * (ends[1] - ends[0])


def _dense(curve):
    if len(curve) < 2:
        return curve
    steps = np.linspace(0, 1, 24)[:, None]
    pieces = [a + steps * (b - a) for a, b in itertools.pairwise(curve)]
    return np.concatenate(pieces)
