"""Threads in which compiled programs run, which nothing can stop."""

import threading
from concurrent.futures import ThreadPoolExecutor

PREFIX = "ae_optax worker"
SECONDS = 0.2


def make_pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool of so many threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix=PREFIX)


def are_busy() -> bool:
    """Tell whether a thread of a pool that was shut down is in the middle of something."""
    threads = [one for one in threading.enumerate() if one.name.startswith(PREFIX)]
    for thread in threads:
        thread.join(SECONDS)
    return any(thread.is_alive() for thread in threads)
