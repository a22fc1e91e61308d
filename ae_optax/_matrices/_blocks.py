"""A leaf seen as blocks: axes merged, then cut into pieces of equal shape, which are stacked."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import jax
import jax.numpy as jnp

Shape: TypeAlias = tuple[int, ...]
Merge: TypeAlias = Callable[[Shape], Shape]


@dataclass(frozen=True)
class Run:
    """Pieces of one length, side by side along an axis.

    Attributes:
        start: Where the first begins.
        size: How long each is.
        count: How many there are.
    """

    start: int
    size: int
    count: int


@dataclass(frozen=True)
class Blocks:
    """How an array of one shape is cut.

    Attributes:
        shape: Of the array.
        merged: The shape after axes were merged.
        size: The longest that a side of a block may be; ``None``: as long as it is.
    """

    shape: Shape
    merged: Shape
    size: int | None = None

    @cached_property
    def runs(self) -> list[tuple[Run, ...]]:
        """For each part, its runs along the axes."""
        return list(itertools.product(*(_runs(length, self.size) for length in self.merged)))

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the parts: a number of blocks, then the shape of one."""
        return [
            (math.prod(run.count for run in runs), *(run.size for run in runs))
            for runs in self.runs
        ]

    def split(self, x: jax.Array) -> tuple[jax.Array, ...]:
        """Return the parts; those of full blocks first, the shorter ones at the edges behind."""
        if len(self.runs) == 1 and all(run.count == 1 for run in self.runs[0]):
            # No slice, no transposition: what is spread over devices stays where it is.
            return ((x if self.merged == self.shape else x.reshape(self.merged))[None],)
        x = x.reshape(self.merged)
        return tuple(_cut(x, runs) for runs in self.runs)

    def join(self, parts: Sequence[jax.Array]) -> jax.Array:
        """Return the array of which these are the parts."""
        if len(parts) == 1 and all(run.count == 1 for run in self.runs[0]):
            x = parts[0][0]
        else:
            x = _joined([_uncut(p, r) for p, r in zip(parts, self.runs, strict=True)], self.merged)
        return x if x.shape == self.shape else x.reshape(self.shape)


def merged_from_left(limit: int) -> Merge:
    """Return a function that joins axes from the first on while their product stays within."""

    def merge(shape):
        merged: list[int] = []
        for length in shape:
            if merged and merged[-1] * length <= limit:
                merged[-1] *= length
            else:
                merged.append(length)
        return tuple(merged)

    return merge


def merged_from_right(limit: int) -> Merge:
    """Return a function that drops axes of one and joins the others from the last on."""
    from_left = merged_from_left(limit)

    def merge(shape):
        longer = tuple(length for length in reversed(shape) if length != 1)
        return tuple(reversed(from_left(longer)))

    return merge


def _runs(length, size):
    if size is None or length <= size:
        return [Run(0, length, 1)]
    full, rest = divmod(length, size)
    tail = [Run(full * size, rest, 1)] if rest else []
    return [Run(0, size, full), *tail]


def _cut(x, runs):
    part = x[tuple(slice(r.start, r.start + r.size * r.count) for r in runs)]
    part = part.reshape(tuple(n for r in runs for n in (r.count, r.size)))
    axes = range(len(runs))
    part = part.transpose(*(2 * i for i in axes), *(2 * i + 1 for i in axes))
    return part.reshape(-1, *(r.size for r in runs))


def _uncut(part, runs):
    axes = range(len(runs))
    part = part.reshape(*(r.count for r in runs), *(r.size for r in runs))
    part = part.transpose(*(n for i in axes for n in (i, i + len(runs))))
    return part.reshape(tuple(r.size * r.count for r in runs))


def _joined(parts, merged):
    """Concatenate along the last axis first, as the parts are ordered."""
    for axis in reversed(range(len(merged))):
        out, group, length = [], [], 0
        for part in parts:
            group.append(part)
            length += part.shape[axis]
            if length == merged[axis]:
                out.append(group[0] if len(group) == 1 else jnp.concatenate(group, axis))
                group, length = [], 0
        parts = out
    (whole,) = parts
    return whole
