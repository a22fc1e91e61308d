"""What a model imagines, and where it puts images in the space of its codes."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ae_optax.lab.models import as_output
from ae_optax.lab.training._images import N_SHOWN
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import Task

N_CODES = 500
SEED = 0
"""Every run decodes the same draws, so that models can be compared."""

Show = Callable[[TrainState, jax.Array], jax.Array | None]


def make_samples(task: Task) -> Show:
    """Make the pure function that decodes draws of a standard normal distribution.

    Args:
        task: Its model; one with ``decode``, whose codes are drawn from a posterior. Its loss
            knows how to read what is decoded as pixels.

    Returns:
        ``samples(state, images) -> samples`` of shape (10, ...), pixels in [0, 1] of the size of
        ``images``; ``None`` for a model that is none such: nothing draws its codes towards a
        normal distribution.
    """
    model, loss = task.model, task.loss

    def samples(state, images):
        posterior = jax.eval_shape(functools.partial(_output, model), state, images[:1]).posterior
        if model.decode is None or posterior is None:
            return None
        shape = (N_SHOWN, *posterior.mean.shape[1:])
        drawn = jax.random.normal(jax.random.key(SEED), shape, posterior.mean.dtype)
        decoded = model.decode(state.params, state.model_state, drawn, images.shape[1:])
        return decoded if loss.reconstruct is None else loss.reconstruct(decoded)

    return samples


def make_codes(task: Task) -> Show:
    """Make the pure function that shows the codes of images.

    Args:
        task: Its model is applied with ``train=False``.

    Returns:
        ``codes(state, images) -> (n, code)`` for the first 500 images: the means where codes are
        drawn, the codes themselves elsewhere; ``None`` if the model does not tell.
    """

    def codes(state, images):
        output = _output(task.model, state, images[:N_CODES])
        code = output.code if output.posterior is None else output.posterior.mean
        return None if code is None else code.astype(jnp.float32)

    return codes


def _output(model, state, images):
    key = jax.random.key(SEED)
    return as_output(model.apply(state.params, state.model_state, images, key, False)[0])
