"""Leaves cut into parts, and what is kept of each part, in trees like the parameters.

A cell is one part of one leaf: a stack of blocks. What is kept of the cells of a leaf, a nest of
arrays, is laid end to end and spread over several trees, in each of which the leaf has one array,
or ``optax.MaskedNode()`` where it has fewer than others. A nest at the place of a leaf would not
survive Flax, which takes it for a part of the tree.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._matrices._products import identities
from ae_optax._numbers import wide_dtype
from ae_optax._trees import check_shapes, is_none, own_keys
from ae_optax.transforms._stacks import Stacks
from ae_optax.transforms._views import Layout, View


def parts_of(params: Any, view: View) -> Any:
    """Return the parts of the parameters, spread; abstract ones where a parameter is."""

    def parts(p):
        split = view.of(jnp.shape(p)).blocks.split
        abstract = isinstance(p, jax.ShapeDtypeStruct)
        return list(jax.eval_shape(split, p) if abstract else split(jnp.asarray(p)))

    leaves, tree = jax.tree.flatten(params)
    return _spread(tree, [parts(p) for p in leaves], params)


def started(params: Any, view: View, start: Callable[[jax.Array, Sequence[bool]], Any]) -> Any:
    """Return ``start(block, covered)`` of every cell, blocks of zeros and wide, spread."""

    def cells(p):
        layout = view.of(jnp.shape(p))
        # Of the parameter, so that inside `shard_map` it is known to differ from device to device.
        zeros = jnp.zeros_like(p, dtype=wide_dtype(jnp.result_type(p)))
        for block, covered in zip(layout.blocks.split(zeros), layout.covered, strict=True):
            yield start(block, covered)

    leaves, tree = jax.tree.flatten(params)
    return _spread(tree, [jax.tree.leaves(list(cells(p))) for p in leaves], params)


class Cut:
    """Updates, cut into cells; a leaf whose gradient is missing has none.

    Small cells that are alike may be stacked, so that one call serves all of them and a program
    does not grow with the number of leaves. What is handed out and taken is of such stacks then,
    and only what is in trees is of leaves.

    Attributes:
        blocks: Of every cell the block, in at least float32; what no sum of its numbers can hold
            in that dtype is bounded.
    """

    def __init__(
        self, updates: Any, params: Any, view: View, matrices: Any, *, stacks: bool = False
    ) -> None:
        """Cut ``updates``.

        Args:
            updates: The updates.
            params: The parameters, if they are known.
            view: How leaves are cut.
            matrices: One for each covered axis, spread: to check shapes.
            stacks: Whether small cells that are alike are stacked: whoever asks for that treats
                each block of a stack by itself.
        """
        if params is not None:
            check_shapes(updates, params)
        keyed, self._tree = jax.tree.flatten_with_path(updates, is_leaf=is_none)
        self._paths = [jax.tree_util.keystr(own_keys(path)) for path, _ in keyed]
        self._leaves = [None if g is None else jnp.asarray(g) for _, g in keyed]
        self._layouts: list[Layout | None] = [
            None if g is None else view.of(g.shape) for g in self._leaves
        ]
        # Without a gradient there may be no leaf, and then nothing is kept.
        rows = self._rows(matrices) if any(self._layouts) else [[] for _ in keyed]
        self._longest = self._most_parts(params, view, rows)
        for (path, g), layout, row in zip(keyed, self._layouts, rows, strict=True):
            name = f"updates{jax.tree_util.keystr(path)}"
            _check_real(name, g)
            if layout is not None and _shapes(layout) != [m.shape for m in row]:
                raise ValueError(
                    f"`{name}` must have the shape of its parameter, got {jnp.shape(g)}, for which "
                    "the state was not made."
                )
        blocks = [
            (bounded(block), covered)
            for g, layout in self._present()
            for block, covered in zip(
                layout.blocks.split(g.astype(wide_dtype(g.dtype))), layout.covered, strict=True
            )
        ]
        self._dtypes = [block.dtype for block, _ in blocks]
        self._stacks = Stacks([block for block, _ in blocks], [c for _, c in blocks], stacks)
        self.blocks = self._stacks.join([block for block, _ in blocks])

    def cells(self, spread: Any, nest: Callable[[Sequence[bool]], Any]) -> list[Any]:
        """Return what is kept of every cell, floating arrays in the dtype of its block.

        Args:
            spread: Trees that were :func:`started`, or are like them.
            nest: Of the axes that are covered, a nest like what is kept of a cell.
        """
        dtypes, found = iter(self._dtypes), []
        for layout, row in zip(self._layouts, self._rows(spread), strict=True):
            rest = iter(row)
            for covered in () if layout is None else layout.covered:
                places, structure = jax.tree.flatten(nest(covered))
                dtype = next(dtypes)
                own = [next(rest).astype(dtype) for _ in places]
                found.append(structure.unflatten(own))
        return self._stacks.join(found)

    def records(self, name: str | None, extra: Mapping[str, Any]) -> list[Any]:
        """Return of every cell its layer's record in an extra argument, ``None`` without one."""
        if name is None:
            return [None] * len(self.blocks)
        found = []
        for path, layout in zip(self._paths, self._layouts, strict=True):
            for covered in () if layout is None else layout.covered:
                layers = extra[name]
                record = layers.joint(path) if any(covered) else None
                if any(covered) and record is None:
                    raise ValueError(
                        f"`{name}` must have a use of {path}, got {_instead_of(path, layers)}. "
                        "Give it to another optimizer with `by_path`."
                    )
                found.append(record)
        return found

    def spread(self, cells: Sequence[Any]) -> Any:
        """Return trees with what is kept of the cells, ``None`` where a gradient is missing."""
        rows = [[None] * self._longest if row is None else row for row in self._rows_of(cells)]
        return _spread(self._tree, rows, None, self._longest)

    def stored(self, cells: Sequence[Any], old: Any) -> Any:
        """Return ``old`` with the cells in their places, in the dtypes of what was there."""
        return self._replaced(old, self._rows_of(cells))

    def joined(self, cells: Sequence[jax.Array]) -> Any:
        """Return updates of which these are the parts, in the dtypes of what came in."""
        out = [
            None if g is None or layout is None else layout.blocks.join(row or []).astype(g.dtype)
            for g, layout, row in zip(
                self._leaves, self._layouts, self._rows_of(cells), strict=True
            )
        ]
        return self._tree.unflatten(out)

    def moments_in(self, trees: Sequence[Any]) -> tuple[list[int], list[list[jax.Array]]]:
        """Return all arrays in trees that have one for each cell, and how many each tree has.

        What is no such moment, a counter, is left out.
        """
        rows: list[list[jax.Array]] = [[] for _ in self._dtypes]
        numbers = []
        for tree in trees:
            before = len(rows[0])
            self._moments([functools.partial(_noted, row) for row in rows], tree)
            numbers.append(len(rows[0]) - before)
        return numbers, self._stacks.join(rows)

    def with_moments(self, trees: Sequence[Any], rows: Sequence[Sequence[jax.Array]]) -> list[Any]:
        """Return the trees with other arrays, in the order of :meth:`moments_in`."""
        rests = [iter(row) for row in self._stacks.part(rows)]
        return [self._moments([lambda _, r=rest: next(r) for rest in rests], t) for t in trees]

    def _moments(self, functions, tree):
        """Apply one function for each cell to all of ``tree`` that has one array for each.

        What belongs to a missing gradient stays, and so does what is no such moment: a counter.
        """

        def is_moment(node):
            right = type(node) is tuple and len(node) == self._longest
            return right and all(map(self._is_like, node))

        def moved(node):
            if not is_moment(node):
                return node
            rest, rows = iter(functions), self._rows(node)
            return self._replaced(
                node,
                [
                    None if layout is None else [next(rest)(x) for x in row]
                    for layout, row in zip(self._layouts, rows, strict=True)
                ],
            )

        return jax.tree.map(moved, tree, is_leaf=is_moment)

    def _is_like(self, tree):
        """Tell whether ``tree`` has an array, or none, for each leaf of the updates."""
        try:
            found = self._tree.flatten_up_to(tree)
        except ValueError:
            return False
        return all(x is None or isinstance(x, jax.Array | optax.MaskedNode) for x in found)

    def _most_parts(self, params, view, rows):
        """Return how many parts the leaf with most has, those with a missing gradient included."""
        others = self._leaves if params is None else self._tree.flatten_up_to(params)
        known = [p if g is None else g for g, p in zip(self._leaves, others, strict=True)]
        if view.block_size and any(row and p is None for row, p in zip(rows, known, strict=True)):
            raise ValueError(
                "`params` must be given to `update` where a gradient is missing and leaves are cut "
                "into blocks: nothing else tells the shape."
            )
        shapes = [jnp.shape(p) for p in known if not (p is None or isinstance(p, optax.MaskedNode))]
        return max((len(view.of(shape).covered) for shape in shapes), default=1)

    def _present(self) -> Iterator[tuple[jax.Array, Layout]]:
        for g, layout in zip(self._leaves, self._layouts, strict=True):
            if g is not None and layout is not None:
                yield g, layout

    def _rows(self, spread):
        """Return for every leaf the arrays that are spread, whether its gradient is missing."""
        columns = [self._tree.flatten_up_to(tree) for tree in spread]
        rows = zip(*columns, strict=True) if columns else ((),) * len(self._leaves)
        return [[x for x in row if isinstance(x, jax.Array)] for row in rows]

    def _replaced(self, spread, rows):
        """Return trees with other rows, in the same dtypes; a row that is ``None`` stays."""
        trees = []
        for i, tree in enumerate(spread):
            old = self._tree.flatten_up_to(tree)
            new = [
                x if row is None or not isinstance(x, jax.Array) else row[i].astype(x.dtype)
                for x, row in zip(old, rows, strict=True)
            ]
            trees.append(self._tree.unflatten(new))
        return tuple(trees)

    def _rows_of(self, cells):
        """Return for every leaf the arrays of its cells end to end, ``None`` if it is missing."""
        rest = iter(self._stacks.part(cells))
        return [
            None if layout is None else jax.tree.leaves([next(rest) for _ in layout.covered])
            for layout in self._layouts
        ]


def one_each(covered: Sequence[bool]) -> Any:
    """Return a nest with one place for each axis that is covered, ``None`` for another."""
    return tuple(0 if on else None for on in covered)


def single(covered: Sequence[bool]) -> Any:
    """Return a nest with one place."""
    del covered
    return 0


def identity_matrices(block: jax.Array, covered: Sequence[bool]) -> Any:
    """Return the identity for each axis that is covered."""
    return tuple(identities(block, axis) if on else None for axis, on in enumerate(covered))


def bounded(block: jax.Array) -> jax.Array:
    """Return a block whose sums are finite if it is; an infinite one is not hidden."""
    size = max(block.size // max(block.shape[0], 1), 1)
    largest = float(jnp.finfo(block.dtype).max) / size
    return jnp.where(jnp.isfinite(block), jnp.clip(block, -largest, largest), block)


def check_all_real(name: str, tree: Any) -> None:
    """Raise ``TypeError`` if a leaf of a tree is not of real floating numbers."""
    for path, leaf in jax.tree.leaves_with_path(tree):
        _check_real(f"{name}{jax.tree_util.keystr(path)}", leaf)


def _noted(row, x):
    row.append(x)
    return x


def _spread(structure: Any, rows: Sequence[Sequence[Any]], empty: Any, least: int = 0) -> Any:
    """Return as many trees as the longest row, in each of which a leaf has one of its row.

    A tree without leaves stands for itself: Optax searches a state with such a one.
    """
    if not rows:
        return empty
    longest = max([least, *map(len, rows)])
    return tuple(
        structure.unflatten([row[i] if i < len(row) else optax.MaskedNode() for row in rows])
        for i in range(longest)
    )


def _instead_of(path, layers):
    """Say what there is of a kernel that has no use as a whole."""
    if layers.slices(path):
        return f"one of each of its slices, {layers.slices(path)[0].kernel} and so on"
    left_out = "; ".join(layers.left_out)
    return f"none besides what was left out: {left_out}" if left_out else "none"


def _check_real(name, leaf):
    if leaf is not None and not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
        raise TypeError(f"`{name}` must be of real floating numbers, got {jnp.result_type(leaf)}.")


def _shapes(layout):
    """Return the shapes of the matrices of a leaf."""
    return [
        (count, side, side)
        for (count, *sides), covered in zip(layout.blocks.shapes, layout.covered, strict=True)
        for side, on in zip(sides, covered, strict=True)
        if on
    ]
