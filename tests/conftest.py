"""Strictness for every test: no silent promotion of dtypes or ranks, no network, no GPU."""

import os
import re

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import optax

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_make_parametrize_id(val):
    """Name a transformation by its call, without the addresses of Optax's functions.

    The processes that share the tests must find the same names.
    """
    if isinstance(val, optax.GradientTransformation):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(val))
    return None
