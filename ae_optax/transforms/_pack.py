"""Where the leaves of a tree lie in vectors, and the way there and back."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# XLA compiles one concatenation of a thousand arrays more slowly than three layers of tens.
AT_ONCE = 10


class Packing:
    """Which leaves of a tree go into a vector, one vector for each dtype.

    Args:
        tree: The tree, or another of the same structure, shapes and dtypes.
        max_size: Leaves of more numbers stay outside.
    """

    def __init__(self, tree: Any, max_size: int):
        leaves, self.structure = jax.tree.flatten(tree)
        self.shapes = [jnp.shape(leaf) for leaf in leaves]
        small: dict[Any, list[int]] = {}
        self.large: list[int] = []
        for position, leaf in enumerate(leaves):
            fits = np.size(leaf) <= max_size
            (small.setdefault(jnp.result_type(leaf), []) if fits else self.large).append(position)
        self.groups = list(small.values())

    def small(self, tree: Any) -> list[jax.Array]:
        """Return the leaves that go into a vector."""
        leaves = jax.tree.leaves(tree)
        return [jnp.asarray(leaves[i]) for group in self.groups for i in group]

    def pack(self, tree: Any) -> Any:
        """Return the vectors of the small leaves, and the large leaves; a tree of none as it is."""
        if not self.shapes:  # Its own packing: `optax.tree_map_params` asks with such a tree.
            return tree
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        vectors = [_joined([leaves[i].reshape(-1) for i in group]) for group in self.groups]
        return vectors, [leaves[i] for i in self.large]

    def unpack(self, packed: Any) -> Any:
        """Return the tree of which :meth:`pack` makes this."""
        if not self.shapes:
            return packed
        vectors, large = packed
        leaves: list[Any] = [None] * len(self.shapes)
        for position, leaf in zip(self.large, large, strict=True):
            leaves[position] = leaf
        for group, vector in zip(self.groups, vectors, strict=True):
            for position, leaf in zip(group, self._cut(group, vector), strict=True):
                leaves[position] = leaf
        return jax.tree.unflatten(self.structure, leaves)

    def _cut(self, group, vector):
        sizes = [int(np.prod(self.shapes[i])) for i in group]
        hidden = hidden_places(sizes)
        vector = jax.lax.optimization_barrier(vector)
        return [
            jax.lax.dynamic_slice(vector, (place[0],), (size,)).reshape(self.shapes[i])
            for i, place, size in zip(group, hidden, sizes, strict=True)
        ]


def hidden_places(sizes: Sequence[int]) -> list[jax.Array]:
    """Return where each of such pieces begins in the whole, in the first entry of a pair.

    The kernel of a slice at a constant place is like no other, and a thousand of them take long to
    compile. A place that is read from memory makes kernels alike, and XLA compiles one for each
    shape. It inlines scalars, so a place is a pair; the barrier hides its value.
    """
    places = np.cumsum([0, *sizes[:-1]])
    return jax.lax.optimization_barrier(
        [jnp.asarray(np.array([place, 0], np.int32)) for place in places]
    )


def _joined(arrays):
    while len(arrays) > 1:
        arrays = [
            jax.lax.optimization_barrier(jnp.concatenate(arrays[start : start + AT_ONCE]))
            for start in range(0, len(arrays), AT_ONCE)
        ]
    return arrays[0]
