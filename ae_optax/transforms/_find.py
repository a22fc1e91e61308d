"""One part of a nested state, found by its type."""

from typing import Any, TypeVar

import jax

T = TypeVar("T")


def find_state(state: Any, kind: type[T]) -> T:
    """Return the one part of ``state`` that is a ``kind``.

    Raises:
        ValueError: If there is none, or several.
    """
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, kind))
    found = [node for node in nodes if isinstance(node, kind)]
    if len(found) != 1:
        raise ValueError(f"`state` must hold exactly one {kind.__name__}, got {len(found)}.")
    return found[0]
