"""Conditionals that compute nothing in vain, under ``vmap`` too, and copy nothing large."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._matrices._products import is_spread


def if_due(due: jax.Array | bool, function: Callable[[Any], Any], old: Any) -> Any:
    """Return ``function(old)`` if it is time, else ``old``; nothing is computed in vain.

    Under ``vmap`` over states that have each a counter, an ordinary conditional would compute both
    at every step. Here ``function`` is still called only when one of the members is due.
    """
    if isinstance(due, bool):
        return function(old) if due else old

    def chosen(old):
        new = function(old)
        mine = after(due, new)
        return jax.tree.map(lambda n, o: jnp.where(mine, n, o), new, old)

    return jax.lax.cond(_any(due), chosen, lambda old: old, old)


# What is smaller is copied in no time.
LARGE = 1 << 14


def after(due: jax.Array | bool, known: Any) -> jax.Array | bool:
    """Return a decision, but not before ``known`` is computed.

    What it decides to replace is read no more by then, and the new takes its place in memory: where
    XLA sees no order it keeps the old beside the new, a copy at every step.
    """
    never = _never(known)
    return due if isinstance(due, bool) or never is None else due & ~never


def in_place(new: Any, old: Any, known: Any) -> Any:
    """Return ``new``, but large arrays of it not before ``known`` is computed: as :func:`after`."""
    never = _never(known)
    if never is None:
        return new
    return jax.tree.map(lambda n, o: jnp.where(never, o, n) if _is_large(n) else n, new, old)


def _never(known):
    """Return false, as soon as large arrays are known, or ``None`` if none is large.

    XLA does not see that it is false; a barrier it takes away before it looks for an order.
    """
    firsts = [
        jax.lax.slice(x, (0,) * x.ndim, (1,) * x.ndim).reshape(1).astype(jnp.float32)
        for x in jax.tree.leaves(known)
        if _is_large(x) and not is_spread(x)
    ]
    if not firsts:
        return None
    # Sorted, as that is computed once; a sum would be once more in everything that waits for it.
    total = jax.lax.sort(jnp.concatenate(firsts))[0]
    return (total != total) & (total == total)


def _is_large(x):
    return x.size >= LARGE and jnp.issubdtype(x.dtype, jnp.floating)


@jax.custom_batching.custom_vmap
def _any(due):
    return due


@_any.def_vmap
def _any_member(axis_size, in_batched, due):
    del axis_size, in_batched
    return jnp.any(due), False
