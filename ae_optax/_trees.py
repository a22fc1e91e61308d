"""Trees of updates and states: maps, parts found by type, names of leaves.

In maps ``None`` passes through, and a wrong shape is an error.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.core
import jax.numpy as jnp

from ae_optax._numbers import as_array, storage_dtype, wide_dtype, zeros_like
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
    structure, rows = rows_of(updates, *rest)
    return structure.unflatten([None if row[0] is None else function(*row) for row in rows])


def check_shapes(updates: Any, params: Any) -> None:
    """Raise ``ValueError`` if a leaf of ``updates`` has another shape than its parameter."""
    rows_of(updates, params)


def rows_of(updates: Any, *rest: Any) -> tuple[Any, list[tuple[Any, ...]]]:
    """Return the structure of ``updates``, and of each leaf the arrays that stand there.

    Args:
        updates: A tree; of a ``None`` leaf the row is ``None``, whatever the others hold.
        *rest: Trees of the same structure and shapes.

    Raises:
        ValueError: If a leaf of ``rest`` has another shape: broadcasting would hide the mistake.
    """
    leaves, structure = jax.tree.flatten(updates, is_leaf=is_none)
    rows = []
    for position, row in enumerate(zip(leaves, *map(structure.flatten_up_to, rest), strict=True)):
        if row[0] is None:
            rows.append((None,))
            continue
        arrays = tuple(map(as_array, row))
        for other in arrays[1:]:
            if other.shape != arrays[0].shape:
                raise ValueError(misshapen(updates, position, f"{other.shape}", arrays[0].shape))
        rows.append(arrays)
    return structure, rows


def misshapen(updates: Any, position: int, wanted: str, shape: tuple[int, ...]) -> str:
    """Return what to say of a leaf of ``updates`` that has not the shape that is wanted."""
    place = place_of(updates, position)
    return f"`updates{place}` must have the shape of its parameter, {wanted}, got {shape}."


def check_kind(name: str, tree: Any, position: int, leaf: Any) -> None:
    """Raise ``TypeError`` unless a leaf of a tree is of floating or complex numbers."""
    # `float0`, which jax gives for what has no derivative, is no dtype to `result_type`.
    kind = getattr(leaf, "dtype", None) or jnp.result_type(leaf)
    if not jnp.issubdtype(kind, jnp.inexact):
        found = "float0" if kind == jax.dtypes.float0 else kind
        raise TypeError(
            f"`{name}{place_of(tree, position)}` must be of floating or complex numbers, got "
            f"{found}. Leave it out with `by_path` and `freeze`, or with `optax.masked`."
        )


def check_kinds(name: str, tree: Any) -> None:
    """Raise ``TypeError`` unless every leaf of a tree is of floating or complex numbers."""
    for position, leaf in enumerate(jax.tree.leaves(tree, is_leaf=is_none)):
        if leaf is not None:
            check_kind(name, tree, position, leaf)


def place_of(tree: Any, position: int) -> str:
    """Return where a leaf stands, ``None`` being one: for messages, as paths take time."""
    keys, _ = jax.tree.leaves_with_path(tree, is_leaf=is_none)[position]
    return jax.tree_util.keystr(keys)


def zeros_for(params: Any, dtype: StorageDType = "params") -> Any:
    """Return a tree of fresh zeros, one leaf for each parameter, to keep state in."""
    return jax.tree.map(lambda p: zeros_like(p, dtype), params)


def zero_for(params: Any, dtype: Any) -> jax.Array:
    """Return a fresh 0 to start a number from that comes of whole trees like the parameters.

    Inside ``jax.shard_map`` such a number differs between the devices as soon as one leaf does,
    and its type says so from the start.
    """
    traced = [leaf for leaf in jax.tree.leaves(params) if isinstance(leaf, jax.core.Tracer)]
    zeros = [jnp.zeros_like(leaf, shape=(), dtype=dtype) for leaf in traced]
    return sum({jax.typeof(zero): zero for zero in zeros}.values(), start=jnp.zeros([], dtype))


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
        TypeError: If an update is not of floating or complex numbers.
        ValueError: If an update does not have the shape of its parameter.
    """
    check_kinds("updates", updates)

    def step(u, p):
        wide = jnp.promote_types(wide_dtype(u.dtype), wide_dtype(p.dtype))
        return p.astype(wide) + u.astype(wide)

    return map_updates(step, updates, params)


def store(new: Any, old: Any) -> Any:
    """Return ``new`` in the dtypes of the state ``old`` it replaces; ``None`` keeps ``old``."""
    return jax.tree.map(
        lambda n, o: o if n is None else jnp.asarray(n).astype(o.dtype), new, old, is_leaf=is_none
    )


def cast_like(updates: Any, like: Any) -> Any:
    """Cast every leaf of ``updates`` to the dtype of the leaf of ``like`` at its place."""
    return jax.tree.map(
        lambda u, g: None if u is None else u.astype(jnp.asarray(g).dtype),
        updates,
        like,
        is_leaf=is_none,
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
    return jax.tree_util.keystr(own_keys(keys), simple=True, separator="/")


def own_keys(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the keys of a leaf without ``value``, in which Flax's variables hold theirs."""
    held = len(keys) > 1 and keys[-1] == jax.tree_util.GetAttrKey("value")
    return keys[:-1] if held else keys


def is_none(x: Any) -> bool:
    """Tell whether nothing stands here, which ``jax.tree`` takes for no leaf by itself."""
    return x is None
