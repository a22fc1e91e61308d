"""Batches that a loss or metric can look at, without a model."""

import jax.numpy as jnp
import numpy as np

from ae_optax.lab import losses, models


def images(seed, n=3, size=4):
    return np.random.default_rng(seed).uniform(size=(n, size, size)).astype(np.float32)


def seen(decoded=None, target=None, step=0, weights=None, given=None, params=None, **output):
    """Return a ``Seen`` of made-up images, or of those given."""
    decoded = images(0) if decoded is None else decoded
    target = images(1) if target is None else target
    output = models.Output(decoded, **output)
    return losses.Seen(output, target, params or {}, jnp.int32(step), weights, given)


def gaussian(seed=0, n=3, code=5):
    rng = np.random.default_rng(seed)
    return models.Gaussian(*rng.normal(size=(2, n, code)).astype(np.float32))
