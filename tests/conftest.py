"""Strictness for every test: no silent promotion of dtypes or ranks, no network, no GPU."""

import gc
import os
import re
import signal
import subprocess
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import optax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

OLDER_GENERATOR = "--xla_cpu_use_fusion_emitters=false"


def pytest_configure(config):
    """Let XLA compile in half the time: much of what the tests take. The slow ones do as users do.

    The older of two generators of code is quicker if what it makes is not optimized. An XLA that
    has it no more would end the process at its flag, so another process tries first.
    """
    # For the processes that tests start and interrupt, if these tests run in the background.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.markexpr != "not slow" or "XLA_FLAGS" in os.environ:
        return
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # For the processes that tests start.
    jax.config.update("jax_disable_most_optimizations", True)
    flags = {"XLA_FLAGS": OLDER_GENERATOR}
    program = [sys.executable, "-c", "import jax; jax.devices()"]
    known = subprocess.run(program, env=os.environ | flags, capture_output=True, check=False)
    os.environ |= flags if known.returncode == 0 else {"XLA_FLAGS": ""}


def pytest_collection_finish():
    """Look for cycles less often: an eighth of the tests' time, as what stays is looked at too."""
    gc.set_threshold(100_000, 50, 50)


@pytest.fixture
def x64():
    """Compute in float64: for formulas, whose error then is rounding and nothing else."""
    with jax.enable_x64(True):
        yield


def pytest_make_parametrize_id(val):
    """Name a transformation by its call, without the addresses of Optax's functions.

    The processes that share the tests must find the same names.
    """
    if isinstance(val, optax.GradientTransformation):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(val))
    return None
