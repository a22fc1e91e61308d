"""Values of an optimizer's state by their name, wherever they are."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp


def read(state: Any, name: str) -> Any:
    """Return the value called ``name`` in an optimizer's state.

    Names are the fields of named tuples, at any depth, also inside Optax's wrappers, and the keys
    of dictionaries that hold states or scalars (those of ``optax.partition`` and
    ``optax.inject_hyperparams``, say). The keys of a tree of parameters are none.

    Args:
        state: The state of any Optax transformation, or anything that contains it.
        name: A name, or, where several have it, the end of a path: ``"denominator[1].mean"``.

    Returns:
        The value: an array, or a tree of them such as an average of gradients.

    Raises:
        ValueError: If there is no such name; the message lists those there are. If there are
            several; the message lists their paths.
    """
    named = list(_named(state, ""))
    found = [(path, value) for path, value in named if f".{path}".endswith(f".{name}")]
    if not found:
        names = ", ".join(sorted({path.rpartition(".")[2] for path, _ in named}))
        raise ValueError(f"`name` must be one of: {names or '(the state is empty)'}; got {name!r}.")
    if len(found) > 1:
        paths = ", ".join(path for path, _ in found)
        raise ValueError(f"`name` must be the end of one of these paths: {paths}; got {name!r}.")
    return found[0][1]


def _named(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of everything below ``node`` that has a name."""
    counts = not isinstance(node, Mapping) or all(map(_may_be_named, node.values()))
    for key, child in _children(node):
        if isinstance(key, str):
            inner = f"{path}.{key}" if path else key
            if counts:
                yield inner, child
        else:
            inner = f"{path}[{key}]"
        yield from _named(child, inner)


def _children(node):
    """Return key and value of every child: a string where it has a name, else a position."""
    children = jax.tree_util.tree_leaves_with_path(node, is_leaf=lambda x: x is not node)
    return [(_key(path[0]), child) for path, child in children if path]


def _key(entry):
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            key = getattr(entry, attribute)
            return key if isinstance(key, str | int) else str(key)
    return str(entry)


def _may_be_named(value):
    """Tell whether a value in a dictionary is a scalar or holds a state: no parameter is."""
    if _is_leaf(value):
        return value is not None and jnp.shape(value) == ()
    return any(True for _ in _fields(value))


def _is_leaf(node):
    return jax.tree_util.all_leaves([node], is_leaf=lambda x: x is None)


def _fields(node):
    """Yield the fields of the named tuples below ``node``."""
    yield from getattr(node, "_fields", ())
    for _, child in _children(node):
        yield from _fields(child)
