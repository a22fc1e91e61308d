"""How kernels and biases start, by name."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

Initializer: TypeAlias = Literal["glorot_uniform", "he_normal", "lecun_normal", "pytorch", "sparse"]
"""How kernels start, with ``n`` incoming connections to a unit and ``m`` outgoing of a unit.

- ``glorot_uniform``: uniform of variance ``2 / (n + m)`` (Glorot and Bengio, 2010).
- ``he_normal``: normal, cut off at two deviations, of variance ``2 / n`` (He et al., 2015).
- ``lecun_normal``: likewise, of variance ``1 / n`` (LeCun et al., 1998).
- ``pytorch``: uniform within ``1 / sqrt(n)`` of zero, biases too, as PyTorch's layers do.
- ``sparse``: 15 connections to each unit standard normal, the others zero (Martens, 2010).

Biases start at zero but for ``pytorch``.
"""

CONNECTIONS = 15
"""Incoming connections of a unit that are not zero in Martens' initialisation."""

Init: TypeAlias = Callable[..., jax.Array]


def kernel_init(initializer: Initializer) -> Init:
    """Return ``init(key, shape, dtype)`` for kernels of shape (..., inputs, outputs)."""
    return KERNELS[initializer]


def bias_init(initializer: Initializer, fan_in: int) -> Init:
    """Return ``init(key, shape, dtype)`` for the biases of units of ``fan_in`` connections."""
    if initializer == "pytorch":
        return _uniform_within(1 / math.sqrt(fan_in))
    return nnx.initializers.zeros_init()


def _uniform_within(bound: float) -> Init:
    def init(key, shape, dtype=jnp.float32, **_):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def _sparse(key, shape, dtype=jnp.float32, **_):
    fan_in, units = math.prod(shape[:-1]), shape[-1]
    places, values = jax.random.split(key)
    connections = min(CONNECTIONS, fan_in)
    _, chosen = jax.lax.top_k(jax.random.uniform(places, (units, fan_in)), connections)
    drawn = jax.random.normal(values, chosen.shape, dtype)
    kernel = jnp.zeros((units, fan_in), dtype).at[jnp.arange(units)[:, None], chosen].set(drawn)
    return kernel.T.reshape(shape)


KERNELS: dict[str, Init] = {
    "glorot_uniform": nnx.initializers.glorot_uniform(),
    "he_normal": nnx.initializers.he_normal(),
    "lecun_normal": nnx.initializers.lecun_normal(),
    "pytorch": nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
    "sparse": _sparse,
}
