"""Mean and variance of numbers that arrive in batches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
    """The moments of all that was added, about their mean, so that they keep their digits.

    Attributes:
        count: How many there were; shape (), float32.
        mean: Their mean; shape (...), float32.
        squares: Sum of squared distances from the mean; likewise.
    """

    count: jax.Array
    mean: jax.Array
    squares: jax.Array

    @property
    def variance(self) -> jax.Array:
        """The variance, divided by the number."""
        return self.squares / self.count


def no_moments(shape: tuple[int, ...] = ()) -> Moments:
    """Return the moments of nothing."""
    zeros = jnp.zeros(shape, jnp.float32)
    return Moments(jnp.zeros([], jnp.float32), zeros, zeros)


def add_moments(moments: Moments, values: jax.Array, weights: jax.Array) -> Moments:
    """Add values (n, ...) of which those count whose weight (n,) is one, not zero.

    Chan, Golub and LeVeque's rule for joining the moments of two samples (1983).
    """
    weights = weights.astype(jnp.float32).reshape(-1, *(1,) * (values.ndim - 1))
    values = jnp.where(weights > 0, values, 0).astype(jnp.float32)
    more = jnp.sum(weights)
    its_mean = jnp.sum(weights * values, axis=0) / more
    its_squares = jnp.sum(weights * jnp.square(values - its_mean[None]), axis=0)
    total = moments.count + more
    shift = its_mean - moments.mean
    return Moments(
        total,
        moments.mean + shift * (more / total),
        moments.squares + its_squares + jnp.square(shift) * (moments.count * more / total),
    )
