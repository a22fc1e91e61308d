"""Where a command runs: versions, the device, and the command itself."""

import importlib.metadata
import os
import platform
import shlex
import sys

import jax


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    packages = ("ae_optax", "jax", "optax", "flax", "numpy")
    return {name: _version(name) for name in packages} | {"python": platform.python_version()}


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
