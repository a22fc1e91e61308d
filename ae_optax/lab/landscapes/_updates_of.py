"""What an optimizer makes of a stream of gradients."""

import jax
import optax
from numpy.typing import ArrayLike


def updates_of(optimizer: optax.GradientTransformation, gradients: ArrayLike) -> jax.Array:
    """Return the updates an optimizer makes of given gradients.

    Unlike in :func:`follow`, all coordinates are one leaf, so that a norm over the leaf means what
    it says, and nothing is added up, so that an update keeps all its digits.

    Args:
        optimizer: What responds; one that needs no ``params``.
        gradients: Shape (steps, ...), real floating.

    Returns:
        The updates; shape and dtype of ``gradients``.
    """

    @jax.jit
    def run(gradients):
        def step(state, gradient):
            update, state = optimizer.update(gradient, state)
            return state, update

        return jax.lax.scan(step, optimizer.init(gradients[0]), gradients)[1]

    return run(jax.numpy.asarray(gradients))
