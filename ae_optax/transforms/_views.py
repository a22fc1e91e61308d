"""How a leaf is seen by what works on its axes: as one block or many, and along which axes."""

import functools
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ae_optax._checks import check_one_of, check_positive_integer
from ae_optax._matrices._blocks import Blocks, Shape, merged_from_left, merged_from_right
from ae_optax._piece import Piece


class Layout(NamedTuple):
    """A view of leaves of one shape.

    Attributes:
        blocks: How a leaf is cut.
        covered: For each part, which of its axes have a matrix.
    """

    blocks: Blocks
    covered: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, repr=False)
class View(Piece):
    """How leaves are cut into blocks, and which axes of a block have a matrix; see :func:`view`.

    Attributes:
        block_size: The longest side of a block; ``None``: a leaf is one block.
        merge: Whether, and from where on, short axes are joined.
        merge_limit: How long a joined axis may be.
        sides: Which axes of a block have a matrix.
        longest: The longest axis that has one.
        fewest_axes: How many axes a leaf must have.
    """

    block_size: int | None = None
    merge: Literal["none", "from_left", "from_right"] = "none"
    merge_limit: int = 4096
    sides: Literal["all", "smaller"] = "all"
    longest: int = 10_000
    fewest_axes: int = 2

    def of(self, shape: Shape) -> Layout:
        """Return how a leaf of this shape is seen."""
        return _layout(self, shape)


def view(
    block_size: int | None = None,
    *,
    merge: Literal["none", "from_left", "from_right"] = "none",
    merge_limit: int = 4096,
    sides: Literal["all", "smaller"] = "all",
    longest: int = 10_000,
    fewest_axes: int = 2,
) -> View:
    """Say how leaves are cut into blocks, and which axes of a block have a matrix.

    Every block is treated as a leaf of its own would be; those of one shape are computed side by
    side. Where a leaf's side is no multiple of the size, the last block is shorter.

    Args:
        block_size: The longest side of a block; ``None``: a leaf is one block.
        merge: Whether short axes are joined first, while their product is at most ``merge_limit``:
            ``"from_left"``, from the first on, ``"from_right"``, from the last on with axes of one
            left out, or ``"none"``.
        merge_limit: How long a joined axis may be.
        sides: ``"all"`` axes, or the ``"smaller"`` one of each block only (of equals the first).
        longest: An axis longer than this has no matrix: the identity stands for it.
        fewest_axes: A leaf with fewer axes after merging has no matrices.

    Returns:
        A view for :func:`in_basis`, :func:`precondition` and :func:`graft`.

    Raises:
        ValueError: If a number is less than 1 or a word is none of those above.
        TypeError: If a number is no integer.
    """
    if block_size is not None:
        check_positive_integer("block_size", block_size)
    for name, value in {"merge_limit": merge_limit, "longest": longest}.items():
        check_positive_integer(name, value)
    check_positive_integer("fewest_axes", fewest_axes)
    check_one_of("merge", merge, ("none", "from_left", "from_right"))
    check_one_of("sides", sides, ("all", "smaller"))
    return View(block_size, merge, merge_limit, sides, longest, fewest_axes)


@functools.cache
def _layout(seen: View, shape: Shape) -> Layout:
    merges = {
        "none": lambda shape: shape,
        "from_left": merged_from_left(seen.merge_limit),
        "from_right": merged_from_right(seen.merge_limit),
    }
    merged = merges[seen.merge](shape)
    if len(merged) < seen.fewest_axes or not math.prod(shape):
        whole = Blocks(shape, shape)
        return Layout(whole, ((False,) * len(shape),))
    blocks = Blocks(shape, merged, seen.block_size)
    return Layout(blocks, tuple(_covered(seen, part[1:]) for part in blocks.shapes))


def _covered(seen, sides):
    chosen = range(len(sides)) if seen.sides == "all" else [sides.index(min(sides))]
    return tuple(i in chosen and sides[i] <= seen.longest for i in range(len(sides)))
