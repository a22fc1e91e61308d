"""The leaves of a state by path, their copies on the host, and the way back."""

import functools
import math
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, NamedSharding

from ae_optax.lab._processes import whole


class Form(NamedTuple):
    """What a leaf is, apart from its numbers.

    Attributes:
        text: Its dtype and shape, such as ``float32[3,4]``.
        key: The random generator that a leaf of keys is for; ``None`` for others.
    """

    text: str
    key: str | None


MOST = 2**31
"""Numbers that a program can count on a device, without JAX's switch for wide integers."""

ARRAY = jax.Array | np.ndarray | np.generic


def paths(state: Any, kind: UnionType = ARRAY) -> dict[str, Any]:
    """Return the leaves of a state by path, such as ``.params['w']``.

    Raises:
        TypeError: If a leaf is not of the kind.
        ValueError: If two leaves have the same path.
    """
    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        name = jax.tree_util.keystr(path)
        if not isinstance(leaf, kind):
            raise TypeError(
                f"`state{name}` must be an array, got {leaf!r}. Wrap it with `jnp.asarray`."
            )
        if name in leaves:
            raise ValueError(f"`state` must have one leaf at each path, got two at {name}.")
        leaves[name] = leaf
    return leaves


def forms(leaves: Mapping[str, Any]) -> dict[str, Form]:
    """Return what each leaf is."""
    return {name: Form(_text(leaf), _generator(leaf)) for name, leaf in leaves.items()}


def on_host(leaves: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Copy leaves to the host, keys as their data; the device buffers may then be donated.

    Leaves that are spread over several processes are gathered, so that every process must call.
    Beyond the copies they take no memory but that of one leaf.
    """
    return {name: np.array(_data(leaf), order="C", copy=True) for name, leaf in leaves.items()}


def like(
    template: Any, pieces: Iterator[np.ndarray], shape: tuple[int, ...], key: str | None
) -> Any:
    """Make a leaf of host arrays, of which it takes no more than one at a time.

    Args:
        template: A leaf that says which kind of array it is (NumPy's or JAX's) and, where it does,
            how it is sharded.
        pieces: Its numbers, in the order of memory; those of keys as their data. All are taken.
        shape: What they make together.
        key: The random generator if it is one of keys.
    """
    if isinstance(template, np.ndarray | np.generic):
        return _joined(pieces, shape, np.empty, _write)
    where, empty, write = _placement(template), np.empty, _write
    if (where is None or len(where.device_set) == 1) and math.prod(shape) < MOST:
        empty, write = functools.partial(jnp.zeros, device=where), _write_there
    whole = _joined(pieces, shape, empty, write)
    # Transfers under way would hold the host arrays of many leaves at once.
    placed = jax.block_until_ready(whole if isinstance(whole, jax.Array) else _put(whole, where))
    return placed if key is None else jax.random.wrap_key_data(placed, impl=key)


def _text(leaf):
    return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"


def _generator(leaf):
    return str(jax.random.key_impl(leaf)) if _is_key(leaf) and isinstance(leaf, jax.Array) else None


def _joined(pieces, shape, empty, write):
    """Return an array of pieces; a single one is it already."""
    whole, at = None, 0
    for piece in pieces:
        if piece.size == math.prod(shape):
            whole = piece.reshape(shape)
            continue
        whole = write(empty(shape, piece.dtype) if whole is None else whole, piece, at)
        at += piece.size
    return whole


def _write(whole, piece, at):
    whole.reshape(-1)[at : at + piece.size] = piece
    return whole


def _write_there(whole, piece, at):
    return jax.block_until_ready(_with_piece(whole, piece, at))


@functools.partial(jax.jit, donate_argnums=0)
def _with_piece(whole, piece, at):
    """Write a piece into an array on a device, in its own memory."""
    flat = jax.lax.dynamic_update_slice(whole.reshape(-1), piece, (at,))
    return flat.reshape(whole.shape)


def _put(array, where):
    if where is None:
        return jax.device_put(array)
    # From the host, and without a word to other processes: each has all of it.
    return jax.make_array_from_callback(array.shape, where, lambda index: array[index])


def _placement(leaf):
    """Return the sharding of a leaf; ``None`` where JAX may move it freely."""
    if isinstance(leaf, jax.Array):
        return leaf.sharding if leaf.committed else None
    if isinstance(leaf.sharding, NamedSharding) and isinstance(leaf.sharding.mesh, AbstractMesh):
        return None  # As `jax.eval_shape` has it: names of axes, and no devices.
    return leaf.sharding


def _is_key(leaf):
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf):
    array = jax.random.key_data(leaf) if _is_key(leaf) else leaf
    return whole(array)
