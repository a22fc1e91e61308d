"""What makes the code of a dictionary sparse, each with what it tells beside the code."""

import functools
from collections.abc import Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax.lab.models._bottleneck import keep_largest

Sparse: TypeAlias = tuple[jax.Array, Mapping[str, jax.Array]]
"""A code (n, code), and what else is told of it."""

DECAY = 0.99
"""Of the running average of a threshold, over some hundred steps."""


class Running(nnx.Variable):
    """What is known of the steps before: no parameter."""


class Rectified(nnx.Module):
    """Keep what is positive."""

    def __call__(self, encoded: jax.Array) -> Sparse:
        """Return the code of (n, code)."""
        return nnx.relu(encoded), {}


class TopK(nnx.Module):
    """Keep the largest positive numbers of each row."""

    def __init__(self, k: int):
        self.k = k

    def __call__(self, encoded: jax.Array) -> Sparse:
        """Return the code of (n, code)."""
        return keep_largest(nnx.relu(encoded), self.k), {}


class BatchTopK(nnx.Module):
    """Keep the largest positive numbers of a batch, ``k`` a row on average.

    In evaluations a row must not depend on its batch: what is kept is above a threshold, the
    running average of the smallest numbers that were kept in training.

    Attributes:
        threshold: That average; 0 before the first step.
    """

    def __init__(self, k: int):
        self.k = k
        self.threshold = Running(jnp.zeros([]))
        self.deterministic = False

    def __call__(self, encoded: jax.Array) -> Sparse:
        """Return the code of (n, code)."""
        active, average = nnx.relu(encoded), self.threshold[...]
        if self.deterministic:
            # What is no number compares to nothing, and is kept.
            return jnp.where(active <= average.astype(active.dtype), 0, active), {}
        largest, _ = jax.lax.top_k(active.reshape(-1), self.k * active.shape[0])
        code = jnp.where(active < largest[-1], 0, active)
        least = jnp.min(code, where=code > 0, initial=jnp.inf).astype(average.dtype)
        moved = jnp.where(average > 0, DECAY * average + (1 - DECAY) * least, least)
        self.threshold[...] = jax.lax.stop_gradient(jnp.where(least < jnp.inf, moved, average))
        return code, {}


class JumpReLU(nnx.Module):
    r"""Keep what is above a threshold of each unit, which is learnt.

    The derivative in the threshold is zero almost everywhere; it is taken as that of the mean over
    numbers near it, estimated by a kernel of the width ``bandwidth``.

    Attributes:
        log_threshold: Natural logarithm of the thresholds; shape (code,).
    """

    def __init__(self, code: int, threshold: float, bandwidth: float):
        self.log_threshold = nnx.Param(jnp.full([code], jnp.log(threshold)))
        self.bandwidth = bandwidth

    def __call__(self, encoded: jax.Array) -> Sparse:
        """Return the code of (n, code), and as ``l0`` how many of its units are in use."""
        threshold = jnp.broadcast_to(jnp.exp(self.log_threshold[...])[None], encoded.shape)
        used = _above(encoded, threshold, self.bandwidth)
        # The value is that of `encoded` where it is used; the threshold's derivative takes its own.
        through = jax.lax.stop_gradient(used) * encoded
        at_threshold = jax.lax.stop_gradient(threshold) * (used - jax.lax.stop_gradient(used))
        return through + at_threshold, {"l0": jnp.sum(used, axis=-1)}


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _above(z, threshold, bandwidth):
    """Return 1 where ``z`` is above the threshold and 0 elsewhere."""
    del bandwidth
    return (~(z <= threshold)).astype(z.dtype)  # Used, if it is no number.


@_above.defjvp
def _(bandwidth, primals, tangents):
    z, threshold = primals
    near = (jnp.abs(z - threshold) < bandwidth / 2).astype(z.dtype)
    return _above(z, threshold, bandwidth), -near / bandwidth * tangents[1]
