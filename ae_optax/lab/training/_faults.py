"""Losses, gradients and steps that are not finite: which was the first, and where."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._trees import path_of

SMALL = 2.0**-40


class FaultState(NamedTuple):
    """What is known of the steps of which something was not finite.

    Attributes:
        first: Steps done before the first of them, -1 if there was none; shape (), int32.
        where: What of it was not finite: the loss, each leaf's gradient, each parameter after the
            step, each leaf of the model's state; shape (1 + leaves,).
        count: How many there were; shape (), int32.
    """

    first: jax.Array
    where: jax.Array
    count: jax.Array


class Fault(NamedTuple):
    """The first step of a run of which something was not finite.

    Attributes:
        step: Steps done before it.
        where: What was not finite: ``"loss"``, ``"gradient of encoder/0/kernel"``; if these were,
            ``"encoder/0/kernel after the step"``.
    """

    step: int
    where: tuple[str, ...]

    def __str__(self) -> str:
        """Return a phrase such as "step 17: loss, gradient of decoder/0/bias"."""
        return f"step {self.step}: {', '.join(self.where)}"


def no_faults(params: Any, model_state: Any) -> FaultState:
    """Return the state before anything has gone wrong."""
    n = 1 + 2 * len(jax.tree.leaves(params)) + len(jax.tree.leaves(model_state))
    zero = jnp.zeros([], jnp.int32)
    return FaultState(first=zero - 1, where=jnp.zeros([n], bool), count=zero)


def look_for_faults(
    faults: FaultState,
    step: jax.Array,
    loss: jax.Array,
    grads: Any,
    params: Any,
    model_state: Any,
) -> tuple[jax.Array, FaultState]:
    """Look at all that a step makes.

    Args:
        faults: What is known of the steps before.
        step: Steps done before this one.
        loss: Of its batch.
        grads: The gradient.
        params: The parameters after it.
        model_state: The model's state after it.

    Returns:
        Whether all is finite, and what is known thereafter.
    """
    leaves = jax.tree.leaves((loss, grads, params, model_state))
    where = jnp.stack([~_all_finite(leaf) for leaf in leaves])
    bad = jnp.any(where)
    is_first = bad & (faults.first < 0)
    return ~bad, FaultState(
        first=jnp.where(is_first, step, faults.first),
        where=jnp.where(is_first, where, faults.where),
        count=faults.count + bad.astype(jnp.int32),
    )


def first_fault(faults: FaultState, params: Any, model_state: Any) -> Fault | None:
    """Return the first step of which something was not finite, in words, or ``None``."""
    first, where, count = jax.device_get(faults)
    if not count:
        return None
    paths = _paths(params)
    causes = ["loss", *(f"gradient of {path}" for path in paths)]
    followed = [f"{path} after the step" for path in (*paths, *_paths(model_state))]
    named = _where(causes, where[: len(causes)]) or _where(followed, where[len(causes) :])
    return Fault(int(first), named)


def _paths(tree: Any) -> list[str]:
    return [path_of(keys) for keys, _ in jax.tree.leaves_with_path(tree)]


def _where(names: Sequence[str], flags: Sequence[bool]) -> tuple[str, ...]:
    return tuple(name for name, flag in zip(names, flags, strict=True) if flag)


def _all_finite(leaf):
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return jnp.ones([], bool)
    # A reduction takes the loops apart that XLA makes on a CPU, a product of matrices does not.
    return jax.lax.platform_dependent(leaf, cpu=_by_product, default=_by_reduction)


def _by_reduction(leaf):
    return jnp.all(jnp.isfinite(leaf))


def _by_product(leaf):
    """Products with a small number are finite exactly where the leaf is, and so are their sums."""
    matrix = leaf.reshape(-1, leaf.shape[-1] if leaf.ndim else 1)
    return jnp.all(jnp.isfinite(matrix @ jnp.full(matrix.shape[1:], SMALL, leaf.dtype)))
