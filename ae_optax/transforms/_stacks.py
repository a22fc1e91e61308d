"""Cells that are alike, laid on one another, so that one call serves all of them."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._matrices._products import is_spread
from ae_optax.transforms._pack import hidden_places

# A cell of more numbers is not stacked. Stacked, 46 layers of 128 x 128 compile in two fifths of
# the time and step as fast; 16 of 256 x 256 would take 1.3 times as long a step, for copies.
SMALL = 1 << 15


class Stacks:
    """Cells that are alike, small ones laid on one another; each in its place again.

    Args:
        blocks: Of every cell the block.
        covered: Of every cell which axes have a matrix.
        small: Whether small ones are stacked; otherwise each is by itself.
    """

    def __init__(
        self, blocks: Sequence[jax.Array], covered: Sequence[Any], small: bool = True
    ) -> None:
        groups: dict[Any, list[int]] = {}
        for place, (x, on) in enumerate(zip(blocks, covered, strict=True)):
            alone = place if not small or x.size > SMALL or is_spread(x) else None
            kind = (alone, x.shape[1:], x.dtype, on, getattr(jax.typeof(x), "vma", None))
            groups.setdefault(kind, []).append(place)
        self._groups = list(groups.values())
        self._sizes = [x.shape[0] for x in blocks]

    def join(self, cells: Sequence[Any]) -> list[Any]:
        """Return for every stack a nest like those of its cells, of stacked arrays."""
        return [
            cells[group[0]]
            if len(group) == 1
            else jax.tree.map(lambda *xs: jnp.concatenate(xs), *(cells[i] for i in group))
            for group in self._groups
        ]

    def part(self, stacks: Sequence[Any]) -> list[Any]:
        """Return the cells of which :meth:`join` makes these."""
        found: list[Any] = [None] * len(self._sizes)
        for group, stack in zip(self._groups, stacks, strict=True):
            if len(group) == 1:
                found[group[0]] = stack
                continue
            sizes = [self._sizes[i] for i in group]
            for i, place, size in zip(group, hidden_places(sizes), sizes, strict=True):
                found[i] = jax.tree.map(
                    lambda x, at=place[0], n=size: jax.lax.dynamic_slice_in_dim(x, at, n), stack
                )
        return found


def by_size(function: Callable[..., Any], *columns: Sequence[jax.Array]) -> list[Any]:
    """Call a function of stacks once for all stacks whose matrices have one size.

    Args:
        function: Of stacks, shape (N, ...); it gives out a tree of stacks.
        *columns: Lists of stacks; what stands at one place belongs together.

    Returns:
        What it gives out for each place.
    """
    rows = list(zip(*columns, strict=True))
    groups: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple((x.shape[1:], x.dtype) for x in row), []).append(place)
    found: list[Any] = [None] * len(rows)
    for places in groups.values():
        if len(places) == 1:
            found[places[0]] = function(*rows[places[0]])
            continue
        out = function(
            *(jnp.concatenate(column) for column in zip(*(rows[i] for i in places), strict=True))
        )
        start = 0
        for place in places:
            stop = start + rows[place][0].shape[0]
            found[place] = jax.tree.map(lambda x, a=start, b=stop: x[a:b], out)
            start = stop
    return found
