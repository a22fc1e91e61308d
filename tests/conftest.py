"""Strictness for every test: no silent promotion of dtypes or ranks, no network, no GPU."""

import os
import re

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import optax

QUICK_COMPILER = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config):
    """Let XLA compile in half the time: most of what the tests take. The slow ones do as users do.

    The older of two generators of code is quicker, but only if what it makes is not optimized.
    """
    if config.option.markexpr == "not slow":
        os.environ.setdefault("XLA_FLAGS", QUICK_COMPILER)


def pytest_make_parametrize_id(val):
    """Name a transformation by its call, without the addresses of Optax's functions.

    The processes that share the tests must find the same names.
    """
    if isinstance(val, optax.GradientTransformation):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(val))
    return None
