"""What happens between encoder and decoder: activation, choice of the largest, or a draw."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_one_of
from ae_optax.lab.models._looks import ACTIVATIONS, Activation
from ae_optax.lab.models._output import Gaussian

ANY = (-math.inf, math.inf)
RANGES = {"relu": (0.0, math.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
"""Between which numbers an activation's values lie, where they do not lie anywhere."""


class Bottleneck(NamedTuple):
    """What makes the code.

    Attributes:
        make: ``make(rngs) -> bottleneck``, with ``bottleneck(encoded) -> (code, posterior)``.
        width: How many numbers of ``encoded`` one of the code is made from.
        code_range: Between which numbers all codes lie.
    """

    make: Callable[[nnx.Rngs], Callable[[jax.Array], tuple[jax.Array, Gaussian | None]]]
    width: int = 1
    code_range: tuple[float, float] = ANY


def deterministic(
    function: Callable[[jax.Array], jax.Array], code_range: tuple[float, float] = ANY
) -> Bottleneck:
    """Make the code by a function, whose values lie between two numbers."""
    return Bottleneck(lambda _: lambda encoded: (function(encoded), None), code_range=code_range)


def activated(code_activation: Activation) -> Bottleneck:
    """Make the code by an activation."""
    check_one_of("code_activation", code_activation, Activation)
    return deterministic(ACTIVATIONS[code_activation], RANGES.get(code_activation, ANY))


def keep_largest(values: jax.Array, k: int) -> jax.Array:
    """Keep the ``k`` largest of each row of (n, code), the first of equals; zero the others."""
    largest, places = jax.lax.top_k(values, k)
    rows = jnp.arange(values.shape[0])[:, None]
    return jnp.zeros_like(values).at[rows, places].set(largest)


class Sampled(nnx.Module):
    r"""Draw the code :math:`z = \mu + \sigma n`, :math:`n \sim \mathcal N(0, 1)`.

    What comes in are :math:`\mu` and, in the second half of the columns, :math:`\log \sigma^2`.
    """

    def __init__(self, rngs: nnx.Rngs):
        self.stream = rngs["sample"].fork()

    def __call__(self, encoded: jax.Array) -> tuple[jax.Array, Gaussian]:
        """Return codes (n, code) and their distribution for (n, 2 code)."""
        mean, log_variance = jnp.split(encoded, 2, axis=-1)
        noise = jax.random.normal(self.stream(), mean.shape, mean.dtype)
        return mean + jnp.exp(log_variance / 2) * noise, Gaussian(mean, log_variance)


SAMPLED = Bottleneck(Sampled, width=2)
