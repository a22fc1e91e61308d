"""Losses and gradients that are not finite: which step and leaf was the first."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._trees import path_of

SMALL = 2.0**-40


class FaultState(NamedTuple):
    """What is known of the steps whose loss or gradient was not finite.

    Attributes:
        first: Steps done before the first of them, -1 if there was none; shape (), int32.
        where: Whether its loss, and its gradient in each leaf, was not finite; shape (1 + leaves,).
        count: How many there were; shape (), int32.
    """

    first: jax.Array
    where: jax.Array
    count: jax.Array


class Fault(NamedTuple):
    """The first step of a run whose loss or gradient was not finite.

    Attributes:
        step: Steps done before it.
        where: What was not finite: ``"loss"``, ``"gradient of encoder/0/kernel"``.
    """

    step: int
    where: tuple[str, ...]

    def __str__(self) -> str:
        """Return a phrase such as "step 17: loss, gradient of decoder/0/bias"."""
        return f"step {self.step}: {', '.join(self.where)}"


def no_faults(params: Any) -> FaultState:
    """Return the state before anything has gone wrong."""
    n = 1 + len(jax.tree.leaves(params))
    zero = jnp.zeros([], jnp.int32)
    return FaultState(first=zero - 1, where=jnp.zeros([n], bool), count=zero)


def look_for_faults(
    faults: FaultState, step: jax.Array, value: jax.Array, grads: Any
) -> tuple[jax.Array, FaultState]:
    """Return whether loss and gradients are finite, and what is known thereafter."""
    leaves = [value, *jax.tree.leaves(grads)]
    where = jnp.stack([~jnp.all(jnp.isfinite(leaf)) for leaf in leaves])
    bad = jnp.any(where)
    is_first = bad & (faults.first < 0)
    return ~bad, FaultState(
        first=jnp.where(is_first, step, faults.first),
        where=jnp.where(is_first, where, faults.where),
        count=faults.count + bad.astype(jnp.int32),
    )


def note_fault(faults: FaultState, step: jax.Array, value: jax.Array, grads: Any) -> FaultState:
    """Return what is known after a step whose leaves are not told apart, which costs less."""
    # Products with a small number are finite exactly where the gradient is, and so is their sum.
    # A product of vectors, unlike a sum, leaves XLA the loops that it makes without.
    small = (jnp.full_like(leaf, SMALL) for leaf in jax.tree.leaves(grads))
    parts = (jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(grads), small, strict=True))
    finite = [jnp.isfinite(value), *(jnp.isfinite(part) for part in parts)]
    bad = ~jnp.all(jnp.stack(finite))
    return faults._replace(
        first=jnp.where(bad & (faults.first < 0), step, faults.first),
        count=faults.count + bad.astype(jnp.int32),
    )


def first_fault(faults: FaultState, params: Any) -> Fault | None:
    """Return the first step that was not finite, in words, or ``None``."""
    first, where, count = jax.device_get(faults)
    if not count:
        return None
    leaves = jax.tree_util.tree_leaves_with_path(params)
    names = ["loss", *(f"gradient of {path_of(keys)}" for keys, _ in leaves)]
    return Fault(int(first), tuple(name for name, bad in zip(names, where, strict=True) if bad))
