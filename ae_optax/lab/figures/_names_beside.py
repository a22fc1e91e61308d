"""Names beside curves, where there is room for them."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ae_optax.lab.figures._axes import Level
from ae_optax.lab.figures._palette import colour
from ae_optax.lab.figures._spread import Spread
from ae_optax.lab.figures._svg import FONT_SIZE

# All lengths are in points.
_GAP = 3.0
_SPACING = 3.0
_EVERY = 4
_ANCHORS = 120  # Of a curve; one that jumps up and down is long.
_MOST = 12  # Of more curves none has room, and a search for it takes minutes.
_LETTER, _HEIGHT = 0.6 * FONT_SIZE, 0.95 * FONT_SIZE
_ENOUGH = 4 * FONT_SIZE
# Where the anchor lies in the name's box: from 0, left, to 1, right; above or below.
_SIDES = np.array([*itertools.product((0.5, 1.0, 0.0), (0.0, 1.0)), (0.0, 0.5), (1.0, 0.5)])


def label_curves(
    axes: Any,
    curves: Mapping[int, tuple[str, np.ndarray, Spread]],
    *,
    levels: Sequence[Level] = (),
) -> None:
    """Write each curve's name beside it, unless it would lie on a curve or another name.

    Places are tried along each curve and its band; the one furthest from all others is taken. Of
    more than twelve curves no name is written: a key tells what they are.

    Args:
        axes: Axes with their final limits.
        curves: ``(name, x, spread of y)`` for each contender's position.
        levels: Horizontal lines, to keep clear of with their names.
    """
    if len(curves) > _MOST:
        return
    scale = 72 / axes.figure.dpi
    bounds = axes.bbox.extents * scale
    drawn = {
        position: _thinned(np.concatenate([_traced(axes, x, y) for y in spread]))
        for position, (_, x, spread) in curves.items()
    }
    lines = [_traced(axes, axes.get_xlim(), (level.y, level.y)) for level in levels]
    taken = [_name_of(level, line) for level, line in zip(levels, lines, strict=True)]
    for position, (name, _, _) in curves.items():
        others = [points for other, points in drawn.items() if other != position]
        boxes, sides = _candidates(drawn[position], _LETTER * len(name))
        room = _room(boxes, drawn[position], [*others, *lines], taken, bounds)
        if not room.size or room.max() <= 0:
            continue
        box, side = boxes[room.argmax()], sides[room.argmax()]
        taken.append(box)
        # The page's font may be wider than the measure: let it grow away from the curve.
        x, y = axes.transData.inverted().transform(
            np.array([box[0] + side * (box[2] - box[0]), box[1]]) / scale
        )
        align = {0.0: "left", 0.5: "center", 1.0: "right"}[side]
        axes.text(x, y, name, color=colour(position), ha=align, va="bottom", clip_on=False)


def _candidates(points, width):
    """Boxes ``(left, bottom, right, top)`` around points of a curve, and each one's side."""
    size = np.array([width, _HEIGHT])
    inside = _SIDES * [1, -1] + [0, 1]
    offset = _GAP * (1 - 2 * inside)
    every = max(_EVERY, -(-len(points) // _ANCHORS))
    corners = points[::every, None] - size * inside + offset
    boxes = np.concatenate([corners, corners + size], axis=-1).reshape(-1, 4)
    return boxes, np.tile(_SIDES[:, 0], len(corners))


def _room(boxes, own, others, taken, bounds):
    """How far each box is from all other curves beyond its own; 0 where it will not do."""
    fits = (boxes[:, :2] >= bounds[:2]).all(1) & (boxes[:, 2:] <= bounds[2:]).all(1)
    for other in taken:
        apart = (boxes[:, :2] - 2 >= other[2:]) | (other[:2] - 2 >= boxes[:, 2:])
        fits &= apart.any(1)
    left = np.flatnonzero(fits)
    to_own = _distance(boxes[left], own)
    nearest = np.where(to_own >= _GAP / 2, _ENOUGH, 0)
    for points in others:  # Fewer are left after each.
        nearest = np.minimum(nearest, _distance(boxes[left], points))
        clear = nearest > to_own + 2
        left, to_own, nearest = left[clear], to_own[clear], nearest[clear]
    room = np.zeros(len(boxes))
    room[left] = np.maximum(nearest - to_own, 0)
    return room


def _distance(boxes, points):
    if not len(points):
        return np.full(len(boxes), np.inf)
    x, y = points.T
    left, bottom, right, top = boxes.T[:, :, None]
    across = np.maximum(np.maximum(left - x, x - right), 0)
    up = np.maximum(np.maximum(bottom - y, y - top), 0)
    return np.sqrt((across**2 + up**2).min(axis=1, initial=np.inf))


def _traced(axes, x, y):
    """Points along a curve, at even distances."""
    x, y = np.asarray(x), np.asarray(y)
    floor, ceiling = axes.get_ylim()
    inside = np.isfinite(y) & (y >= floor) & (y <= ceiling)
    corners = axes.transData.transform(np.column_stack([x, y])[inside]) * 72 / axes.figure.dpi
    if len(corners) < 2:
        return corners.reshape(-1, 2)
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    passed = np.concatenate([[0], np.cumsum(lengths)])
    even = np.linspace(0, passed[-1], int(passed[-1] / _SPACING) + 2)
    return np.column_stack([np.interp(even, passed, corners[:, i]) for i in (0, 1)])


def _thinned(points):
    """One point of each cell of a grid, in their order: a curve may cross a place many times."""
    _, first = np.unique(np.round(points / _SPACING), axis=0, return_index=True)
    return points[np.sort(first)]


def _name_of(level, line):
    width = _LETTER * len(level.text)
    left = line[-1, 0] - width if level.side == "right" else line[0, 0]
    return np.array([left, line[0, 1], left + width, line[0, 1] + FONT_SIZE])
