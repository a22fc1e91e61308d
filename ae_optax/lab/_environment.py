"""Where a command runs: versions, the device, and the command itself."""

import datetime
import importlib.metadata
import os
import platform
import shlex
import sys
from typing import Any

import jax

ARITHMETIC = 1
"""Raised by whoever changes this package so that the same run gives other numbers than before."""

NAMES = (
    "enable_x64",
    "default_matmul_precision",
    "default_prng_impl",
    "threefry_partitionable",
    "random_seed_offset",
)


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    packages = ("ae_optax", "jax", "optax", "flax", "numpy")
    return {name: _version(name) for name in packages} | {"python": platform.python_version()}


def numerics() -> dict[str, Any]:
    """Return what changes numbers beside a config and its data: JAX's settings, our arithmetic.

    Versions and devices are no part of it: between them numbers agree to rounding.
    """
    settings = {name: getattr(jax.config, f"jax_{name}", None) for name in NAMES}
    return {"arithmetic": ARITHMETIC, **settings}


def variables() -> dict[str, str]:
    """Return JAX's settings as variables of the environment, for processes that compute alike."""
    settings = {name: value for name, value in numerics().items() if name in NAMES}
    return {f"JAX_{n.upper()}": str(value) for n, value in settings.items() if value is not None}


def device() -> str:
    """Return what JAX computes on."""
    first = jax.devices()[0]
    if first.platform == "cpu":
        return f"CPU, {os.cpu_count()} cores, {platform.machine()}"
    return f"{jax.device_count()} × {first.device_kind}"


def now() -> str:
    """Return the time, as ISO 8601 with the zone."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def command_line() -> str:
    """Return the command that is running, as one would type it."""
    return shlex.join(["ae-optax", *sys.argv[1:]])


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "source tree"
