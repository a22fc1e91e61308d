"""One process at a time in a run folder."""

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOCK = "lock"
"""The file in a run folder."""

_DEAD = 3600.0  # Seconds after which nobody is still writing a draft.


class FolderInUseError(RuntimeError):
    """Another process writes in the folder; the message says which."""


@contextlib.contextmanager
def lock(folder: Path, *, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keep others out of a run folder while the block runs.

    The operating system frees the lock of a process that dies, so a stale one is taken over.

    Args:
        folder: The folder.
        on_wait: Called with who has it before waiting until it is free; ``None``: do not wait.

    Raises:
        FolderInUseError: If another process has it, with its host and number.
        OSError: If the lock cannot be written, or is no file of this folder.
    """
    path = folder / LOCK
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, f"{LOCK} is no file", str(path))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = f"{folder} is in use by {_owner(path)}"
            if on_wait is None:
                raise FolderInUseError(f"{owner}. Wait, or stop it.") from error
            on_wait(owner)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode())
        for draft in folder.glob(".*.draft"):  # Of a process that was killed.
            if time.time() - draft.stat().st_mtime > _DEAD:
                draft.unlink(missing_ok=True)
        yield


def is_in_use(folder: Path) -> bool:
    """Return whether a process writes in a run folder; true also where that cannot be told."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # It is given back at once.
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _owner(path):
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
