"""Where a command runs: versions, the device, and the folder of compiled programs."""

import importlib.metadata
import os
import platform
import shlex
import sys
from pathlib import Path

import jax

CACHE = "AE_OPTAX_COMPILATION_CACHE"
"""The variable that names the folder."""


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


def use_compilation_cache() -> None:
    """Tell JAX to keep compiled programs in the user's cache folder.

    The variable ``AE_OPTAX_COMPILATION_CACHE`` names another folder, or says ``off``. JAX's own
    ``JAX_COMPILATION_CACHE_DIR`` goes first.
    """
    wanted = os.environ.get(CACHE)
    if wanted == "off" or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", wanted or str(caches / "ae_optax" / "xla"))
    # Small programs too: what takes a tenth of a second, a sweep compiles often.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "source tree"
