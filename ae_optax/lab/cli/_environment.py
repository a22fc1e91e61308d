"""What a run ran on."""

import importlib.metadata
import os
import platform

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


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "source tree"
