"""The machine: its device, its memory, and the folder where it keeps compiled programs."""

import os
from pathlib import Path

import jax

from ae_optax.lab.cli._exit import UsageError

CACHE = "AE_OPTAX_COMPILATION_CACHE"
"""The variable that names the folder."""


def check_device() -> None:
    """Raise a ``UsageError`` if JAX finds nothing to compute on."""
    try:
        jax.devices()
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        wanted = os.environ.get("JAX_PLATFORMS")
        told = f", as JAX_PLATFORMS={wanted} asks for" if wanted else ""
        raise UsageError(f"JAX cannot compute here{told}: {reason}") from error


def keep_lapack_to_one_thread() -> None:
    """Let LAPACK decompose with one thread, unless ``OPENBLAS_NUM_THREADS`` asks for more.

    With more it is no faster at the sizes of layers, and much slower as soon as something else
    computes. The library that JAX calls is loaded later, with the first program that needs it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def memory() -> int:
    """Return the bytes that all processes' devices have, on a CPU those of machines like this."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    here = sum(found.get("bytes_limit", 0) for found in stats)
    here = here or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return here * jax.process_count()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory was at its end, on the host or on a device."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def use_compilation_cache() -> None:
    """Tell JAX to keep compiled programs in the user's cache folder.

    The variable ``AE_OPTAX_COMPILATION_CACHE`` names another folder, or says ``off``. JAX's own
    ``JAX_COMPILATION_CACHE_DIR`` goes first.
    """
    wanted = os.environ.get(CACHE)
    if wanted == "off" or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():  # Then it does not count, its standard says.
        caches = Path("~/.cache")
    try:
        folder = Path(wanted or caches / "ae_optax" / "xla").expanduser()
    except RuntimeError as error:
        if wanted:
            raise UsageError(f"{CACHE}: there is no such home folder: {wanted}.") from error
        return  # An account without a home folder keeps nothing there.
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Small programs too: what takes a tenth of a second, a sweep compiles often.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
