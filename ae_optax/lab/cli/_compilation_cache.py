"""Compiled programs are kept on disk, so that the same run starts at once the next time."""

import os
from pathlib import Path

import jax

VARIABLE = "AE_OPTAX_COMPILATION_CACHE"


def use_compilation_cache() -> None:
    """Tell JAX to keep compiled programs in the user's cache folder.

    The variable ``AE_OPTAX_COMPILATION_CACHE`` names another folder, or says ``off``. JAX's own
    ``JAX_COMPILATION_CACHE_DIR`` goes first.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted == "off" or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", wanted or str(caches / "ae_optax" / "xla"))
    # Small programs too: what takes a tenth of a second, a sweep compiles often.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
