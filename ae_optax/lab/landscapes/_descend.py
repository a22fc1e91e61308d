"""Every step of an optimizer, coordinate by coordinate."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import ArrayLike

from ae_optax._checks import check_at_least
from ae_optax.observing import read, with_telemetry


class Descent(NamedTuple):
    """What an optimizer did, in ``steps`` steps of ``n`` coordinates.

    Attributes:
        positions: Where it was, shape (steps + 1, n).
        losses: The loss there, shape (steps + 1,).
        gradients: What it was told, shape (steps, n).
        effective_rates: How far it moved for each unit of gradient, :math:`|u| / |g|`, shape
            (steps, n); NaN where the gradient is zero.
        learning_rates: The rate in force, shape (steps,); NaN if it has none.
    """

    positions: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray
    effective_rates: np.ndarray
    learning_rates: np.ndarray


def descend(
    optimizer: optax.GradientTransformation,
    loss: Callable[[jax.Array], jax.Array],
    start: ArrayLike,
    steps: int,
    *,
    sample: Callable[[jax.Array, jax.Array], jax.Array] | None = None,
) -> Descent:
    """Let an optimizer go downhill.

    Every coordinate is a leaf of its own, so that the telemetry of
    :func:`~ae_optax.with_telemetry`, from which the effective rates are read, is one of each
    coordinate. For optimizers of single coordinates only: a norm over a leaf means nothing here.

    Args:
        optimizer: What goes.
        loss: From a point (n,) to its loss.
        start: Where it starts, shape (n,); the dtype is the default float dtype.
        steps: How many steps, at least 1.
        sample: ``sample(point, t)``: what step ``t`` takes the gradient of; ``loss`` by default.

    Raises:
        ValueError: If ``steps`` is below 1.
    """
    return _run(optimizer, gradient_of(loss, sample), loss, start, steps)


def follow(
    optimizer: optax.GradientTransformation, gradients: ArrayLike, start: ArrayLike | None = None
) -> Descent:
    """Let an optimizer follow given gradients, wherever they lead; the loss is NaN.

    Args:
        optimizer: What follows.
        gradients: Shape (steps, n).
        start: Where it starts, shape (n,); zero by default.
    """
    gradients = jnp.asarray(gradients, jnp.result_type(float))
    start = np.zeros(gradients.shape[1]) if start is None else start
    return _run(optimizer, lambda _, t: gradients[t], _unknown, start, len(gradients))


def gradient_of(
    loss: Callable[[jax.Array], jax.Array],
    sample: Callable[[jax.Array, jax.Array], jax.Array] | None,
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Return the gradient that step ``t`` takes at a point: of ``sample``, else of ``loss``."""
    return jax.grad(sample) if sample else lambda point, _: jax.grad(loss)(point)


def _run(optimizer, gradient_at, loss, start, steps):
    check_at_least("steps", steps, 1)
    start = jnp.asarray(start, jnp.result_type(float))
    optimizer = with_telemetry(optimizer)

    def step(carry, t):
        leaves, state = carry
        point = jnp.stack(leaves)
        gradient = gradient_at(point, t)
        updates, state = optimizer.update(tuple(gradient), state, leaves)
        leaves: Any = optax.apply_updates(leaves, updates)
        seen = read(state, "telemetry")
        rates, rate = jnp.stack(seen.effective_rate_mean), seen.learning_rate_in_force
        return (leaves, state), (jnp.stack(leaves), gradient, rates, rate)

    @jax.jit
    def run(start) -> Any:
        leaves = tuple(start)
        _, (points, *rest) = jax.lax.scan(step, (leaves, optimizer.init(leaves)), jnp.arange(steps))
        points = jnp.concatenate([start[None], points])
        return points, jax.vmap(loss)(points), *rest

    points, losses, gradients, rates, rate = run(start)
    return Descent(
        np.asarray(points),
        np.asarray(losses),
        np.asarray(gradients),
        np.where(np.asarray(gradients) == 0, np.nan, np.asarray(rates)).astype(rates.dtype),
        np.full(steps, np.nan) if rate is None else np.asarray(rate),
    )


def _unknown(point):
    return jnp.full([], jnp.nan, point.dtype)
