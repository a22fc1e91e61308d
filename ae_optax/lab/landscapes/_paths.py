"""Where an optimizer goes at each of several rates."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import ArrayLike

from ae_optax._checks import check_at_least
from ae_optax.lab.landscapes._descend import gradient_of


def paths_by_rate(
    make: Callable[[jax.Array], optax.GradientTransformation],
    learning_rates: ArrayLike,
    loss: Callable[[jax.Array], jax.Array],
    start: ArrayLike,
    steps: int,
    *,
    sample: Callable[[jax.Array, jax.Array], jax.Array] | None = None,
) -> np.ndarray:
    """Let an optimizer go downhill once for each rate, all in one compiled program.

    Args:
        make: From a rate to the optimizer.
        learning_rates: Shape (k,).
        loss: From a point (n,) to its loss.
        start: Where it starts, shape (n,); the dtype is the default float dtype.
        steps: How many steps, at least 1.
        sample: ``sample(point, t)``: what step ``t`` takes the gradient of; ``loss`` by default.

    Returns:
        Where it was, shape (k, steps + 1, n). What diverges is not finite, or huge.

    Raises:
        ValueError: If ``steps`` is below 1.
    """
    check_at_least("steps", steps, 1)
    start, rates = (jnp.asarray(given, jnp.result_type(float)) for given in (start, learning_rates))
    gradient_at = gradient_of(loss, sample)

    def at(rate):
        optimizer = make(rate)

        def step(carry, t):
            point, state = carry
            updates, state = optimizer.update(gradient_at(point, t), state, point)
            point = optax.apply_updates(point, updates)
            return (point, state), point

        return jax.lax.scan(step, (start, optimizer.init(start)), jnp.arange(steps))[1]

    points = np.asarray(jax.jit(jax.vmap(at))(rates))
    first = np.broadcast_to(np.asarray(start), (len(points), 1, *start.shape))
    return np.concatenate([first, points], axis=1)
