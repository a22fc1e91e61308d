"""Trees of updates and states: maps, parts found by type, names of leaves.

In maps ``None`` passes through, and a wrong shape is an error.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from ae_optax._numbers import storage_dtype, wide_dtype, zeros_like
from ae_optax._types import StorageDType

T = TypeVar("T")


def map_updates(function: Callable[..., Any], updates: Any, *rest: Any) -> Any:
    """Apply ``function(update, *others)`` at every leaf of ``updates``.

    Args:
        function: Of one leaf of ``updates`` and the leaves of ``rest`` at its place, as arrays.
        updates: A tree; a ``None`` leaf stays ``None``.
        *rest: Trees of the same structure and shapes.

    Returns:
        A tree like ``updates``.

    Raises:
        ValueError: If a leaf of ``rest`` has another shape: broadcasting would hide the mistake.
    """

    def at(path, update, *others):
        if update is None:
            return None
        _check_shapes(path, update, others)
        return function(*map(jnp.asarray, (update, *others)))

    return jax.tree.map_with_path(at, updates, *rest, is_leaf=_is_none)


def check_shapes(updates: Any, params: Any) -> None:
    """Raise ``ValueError`` if a leaf of ``updates`` has another shape than its parameter."""
    map_updates(lambda update, _: update, updates, params)


def zeros_for(params: Any, dtype: StorageDType = "params") -> Any:
    """Return a tree of fresh zeros, one leaf for each parameter, to keep state in."""
    return jax.tree.map(lambda p: zeros_like(p, dtype), params)


def copies_of(params: Any, dtype: StorageDType = "params") -> Any:
    """Return a tree of fresh copies of the parameters; abstract ones become zeros."""

    def copy(p):
        if isinstance(p, jax.ShapeDtypeStruct):
            return zeros_like(p, dtype)
        # Not `astype`, which may hand back the memory of the parameter.
        return jnp.array(p, storage_dtype(p, dtype), copy=True)

    return jax.tree.map(copy, params)


def stepped(updates: Any, params: Any) -> Any:
    """Return the parameters after the step, in at least float32: not yet rounded.

    Raises:
        ValueError: If an update does not have the shape of its parameter.
    """

    def step(u, p):
        wide = jnp.promote_types(wide_dtype(u.dtype), wide_dtype(p.dtype))
        return p.astype(wide) + u.astype(wide)

    return map_updates(step, updates, params)


def store(new: Any, old: Any) -> Any:
    """Return ``new`` in the dtypes of the state ``old`` it replaces; ``None`` keeps ``old``."""
    return jax.tree.map(
        lambda n, o: o if n is None else jnp.asarray(n).astype(o.dtype), new, old, is_leaf=_is_none
    )


def cast_like(updates: Any, like: Any) -> Any:
    """Cast every leaf of ``updates`` to the dtype of the leaf of ``like`` at its place."""
    return jax.tree.map(
        lambda u, g: None if u is None else u.astype(jnp.asarray(g).dtype),
        updates,
        like,
        is_leaf=_is_none,
    )


def states_of(state: Any, kind: type[T]) -> list[T]:
    """Return every part of a nested state that is a ``kind``, in order."""
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, kind))
    return [node for node in nodes if isinstance(node, kind)]


def find_state(state: Any, kind: type[T]) -> T:
    """Return the one part of ``state`` that is a ``kind``.

    Raises:
        ValueError: If there is none, or several.
    """
    found = states_of(state, kind)
    if len(found) != 1:
        raise ValueError(f"`state` must hold exactly one {kind.__name__}, got {len(found)}.")
    return found[0]


def path_of(keys: tuple[Any, ...]) -> str:
    """Return the path of a leaf, such as ``"encoder/0/kernel"``.

    Args:
        keys: As ``jax.tree_util`` gives them: keys of dictionaries, indices, attributes. The last
            is left out if it is the attribute ``value``, in which Flax's variables hold theirs.
    """
    held = len(keys) > 1 and keys[-1] == jax.tree_util.GetAttrKey("value")
    return jax.tree_util.keystr(keys[:-1] if held else keys, simple=True, separator="/")


def _is_none(x):
    return x is None


def _check_shapes(path, update, others):
    for other in others:
        if jnp.shape(other) != jnp.shape(update):
            raise ValueError(
                f"`updates{jax.tree_util.keystr(path)}` must have the shape of its parameter, "
                f"{jnp.shape(other)}, got {jnp.shape(update)}."
            )
