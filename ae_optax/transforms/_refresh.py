"""When what is computed from a statistic is computed again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._checks import check_integer, check_positive_integer
from ae_optax._numbers import whole
from ae_optax._piece import Piece


class Share(NamedTuple):
    """Blocks whose turn may have come.

    Attributes:
        cells: What is kept of them, one nest of stacks for each cell.
        first: Whether it is the first time.
        later: Whether it is another time.
        due: Whether it is any of these times; ``True`` if it always is.
        put: ``put(cells, new)`` puts what has become of them in their places among all cells.
    """

    cells: list[Any]
    first: jax.Array
    later: jax.Array
    due: jax.Array | bool
    put: Callable[[list[Any], list[Any]], None]


class Refresh(Piece):
    """When what is computed from statistics is computed again, and of which blocks."""

    def shares(self, count: jax.Array, cells: list[Any]) -> list[Share]:
        """Return who may have a turn at gradient number ``count``.

        Args:
            count: The first is 1.
            cells: What is kept of every cell: nests of arrays, of shape (B, ...) each, its matrices
                first.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Every(Refresh):
    """See :func:`every`."""

    steps: int
    first: int = 1
    phase: int | None = None
    each_until: int = 1

    def shares(self, count, cells):
        begin = whole(self.first)
        phase = begin if self.phase is None else self.phase
        first = count == begin
        due = (count - phase) % whole(self.steps) == 0
        if self.each_until > 1:
            due |= count <= whole(self.each_until)
        later = (count > begin) & due
        always = self.steps == 1 and self.first == 1

        def put(found, new):
            found[:] = new

        return [Share(cells, first, later, always or first | later, put)]


def every(steps: int, *, first: int = 1, phase: int | None = None, each_until: int = 1) -> Refresh:
    """Compute again every so many steps, all at once.

    Args:
        steps: How many, at least 1.
        first: The number of the gradient with which it is computed for the first time, at least 1.
        phase: The others are at ``phase``, ``phase + steps``, ... if they are later than that;
            ``None``: counted from ``first``.
        each_until: From ``first`` until the gradient of this number it is computed at each: at the
            start statistics change from step to step. At least 1.

    Returns:
        A rule for ``refresh`` of :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``steps``, ``first`` or ``each_until`` is less than 1.
        TypeError: If a number is no integer.
    """
    check_positive_integer("steps", steps)
    check_positive_integer("first", first)
    check_positive_integer("each_until", each_until)
    if phase is not None:
        check_integer("phase", phase)
    return Every(steps, first, phase, each_until)


@dataclass(frozen=True, repr=False)
class Rolling(Refresh):
    """See :func:`rolling`."""

    steps: int

    def shares(self, count, cells):
        groups: dict[Any, list[int]] = {}
        for place, cell in enumerate(cells):
            leaves, tree = jax.tree.flatten(cell)
            if not jax.tree.leaves(cell[0]):
                continue  # Without matrices there is nothing to compute.
            groups.setdefault((tree, *((x.shape[1:], x.dtype) for x in leaves)), []).append(place)
        return [self._share(count, cells, places) for places in groups.values()]

    def _share(self, count, cells, places):
        joined = jax.tree.map(lambda *xs: jnp.concatenate(xs), *(cells[i] for i in places))
        sizes = [jax.tree.leaves(cells[i])[0].shape[0] for i in places]
        number = sum(sizes)
        width = -(-number // self.steps)  # Rounded up.
        rounds = -(-number // width)
        begin = jnp.minimum(((count - 1) % rounds) * width, number - width)

        def put(found, new):
            def placed(all_, some):
                start = (begin, *[jnp.zeros_like(begin)] * (some.ndim - 1))
                return jax.lax.dynamic_update_slice(all_, some, start)

            (some,), at = new, 0
            whole = jax.tree.map(placed, joined, some)
            for place, size in zip(places, sizes, strict=True):
                found[place] = jax.tree.map(lambda x, a=at, n=size: x[a : a + n], whole)
                at += size

        mine = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, begin, width), joined)
        return Share([mine], count <= rounds, count > rounds, True, put)


def rolling(steps: int) -> Refresh:
    r"""Compute again a few blocks at every step, each of them every so many steps.

    Of :math:`N` blocks that are alike in shape, :math:`\lceil N / k \rceil` have their turn at a
    step, one after the other, whichever leaves they belong to. So every step costs the same and
    none waits for a decomposition of all. Where there are fewer than :math:`k` alike, one of them
    has its turn at every step, oftener than it need be: cut leaves into blocks, see :func:`view`.
    Before its first turn a block has the identity for a basis, or for a root.

    Args:
        steps: :math:`k`, at least 1.

    Returns:
        A rule for ``refresh`` of :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``steps`` is less than 1.
        TypeError: If it is no integer.
    """
    check_positive_integer("steps", steps)
    return Rolling(steps)
