"""Where a command runs: versions, the device, and the command itself."""

import importlib.metadata
import os
import platform
import shlex
import sys
from typing import Any

import jax


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    packages = ("ae_optax", "jax", "optax", "flax", "numpy")
    return {name: _version(name) for name in packages} | {"python": platform.python_version()}


def numerics() -> dict[str, Any]:
    """Return the settings of JAX that change numbers."""
    names = (
        "enable_x64",
        "default_matmul_precision",
        "default_prng_impl",
        "threefry_partitionable",
    )
    return {name: getattr(jax.config, f"jax_{name}") for name in names}


def device() -> str:
    """Return what JAX computes on."""
    first = jax.devices()[0]
    if first.platform == "cpu":
        return f"CPU, {os.cpu_count()} cores, {platform.machine()}"
    return f"{jax.device_count()} × {first.device_kind}"


def command_line() -> str:
    """Return the command that is running, as one would type it."""
    return shlex.join(["ae-optax", *sys.argv[1:]])


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "source tree"
