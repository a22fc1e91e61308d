"""Measurements of gradients and of the updates made of them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._numbers import default_float, widen
from ae_optax._trees import map_updates


class Leaf(NamedTuple):
    """What is measured of one leaf; all of shape ().

    Attributes:
        mean: Mean of the rates of the coordinates whose gradient is not zero, 0 if there is none.
        smallest: The smallest of these rates, infinite if there is none.
        largest: The largest, 0 if there is none.
        bad_gradients: How many coordinates of the gradient are not finite.
        bad_updates: How many of the update.
    """

    mean: jax.Array
    smallest: jax.Array
    largest: jax.Array
    bad_gradients: jax.Array
    bad_updates: jax.Array


def measure(gradient: jax.Array, update: jax.Array) -> Leaf:
    r"""Return what is to be known of one leaf, the rate of a coordinate being :math:`|u| / |g|`."""
    size, step = jnp.abs(widen(gradient)), jnp.abs(widen(update))
    moved = size != 0
    rate = step / jnp.where(moved, size, jnp.ones_like(size))
    nothing = jnp.zeros_like(rate)

    def combine(a, b):
        rates = (a[0] + b[0], jnp.minimum(a[1], b[1]), jnp.maximum(a[2], b[2]))
        return *rates, *(x + y for x, y in zip(a[3:], b[3:], strict=True))

    # One reduction: six would read the leaves six times.
    masks = (moved, ~jnp.isfinite(gradient), ~jnp.isfinite(update))
    total, smallest, largest, n, *bad = jax.lax.reduce(
        (
            jnp.where(moved, rate, nothing),
            jnp.where(moved, rate, jnp.full_like(rate, jnp.inf)),
            jnp.where(moved, rate, nothing),
            *(mask.astype(jnp.int32) for mask in masks),
        ),
        (*(jnp.asarray(x, rate.dtype) for x in (0, jnp.inf, 0)), *[jnp.zeros([], jnp.int32)] * 3),
        combine,
        tuple(range(rate.ndim)),
    )
    rates = (total / jnp.maximum(n, 1).astype(rate.dtype), smallest, largest)
    # Extremes may pass over what is no number; a sum does not.
    return Leaf(*(jnp.where(jnp.isnan(total), total, r) for r in rates), *bad)


def each(field: str, leaves: Any) -> Any:
    """Return one field of the :class:`Leaf` at every leaf, as a tree."""
    return jax.tree.map(
        lambda leaf: getattr(leaf, field), leaves, is_leaf=lambda x: isinstance(x, Leaf)
    )


def changed(before: optax.Updates, after: optax.Updates) -> Any:
    """Return where a stage changed what came in, as a tree of booleans; NaN counts as kept."""
    return map_updates(lambda b, a: (b != a) & ~jnp.isnan(b), before, after)


def share_in_any(masks: list[Any]) -> jax.Array:
    """Return the share of all coordinates that one of several trees of booleans marks."""
    total = sum(leaf.size for leaf in jax.tree.leaves(masks[0])) if masks else 0
    if not total:
        return default_float(0.0)
    union = jax.tree.map(lambda *leaves: jnp.any(jnp.stack(leaves), axis=0), *masks)
    marked = [default_float(jnp.sum(leaf)) for leaf in jax.tree.leaves(union)]
    return jnp.sum(jnp.stack(marked)) / total


def add_up(count: jax.Array, new: Any) -> jax.Array:
    """Return ``count`` plus all counts in ``new``, at most the largest int32."""
    total = sum(jax.tree.leaves(new))
    most = jnp.iinfo(jnp.int32).max
    return jnp.where(count > most - total, most, count + total)
