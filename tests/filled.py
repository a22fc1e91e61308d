"""Models with made-up parameters, which take no compilation."""

import jax
import jax.numpy as jnp
import numpy as np


def filled(model, x, seed=0):
    """Return the parameters and state of a model for images, drawn by NumPy."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    return jax.tree.map(lambda s: jnp.asarray(rng.normal(0, 0.3, s.shape), s.dtype), shapes)


def applied(model, x, seed=0, train=True):
    """Return such parameters and what the model makes of images."""
    params, state = filled(model, x, seed)
    run = jax.jit(model.apply, static_argnums=4)
    return params, run(params, state, x, jax.random.key(1), train)[0]
