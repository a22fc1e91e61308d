"""One process at a time in a run folder."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"
"""The file in a run folder."""


class FolderInUseError(RuntimeError):
    """Another process writes in the folder; the message says which."""


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keep others out of a run folder while the block runs.

    The operating system frees the lock of a process that dies, so a stale one is taken over.

    Raises:
        FolderInUseError: If another process has it, with its host and number.
        OSError: If the lock cannot be written.
    """
    path = folder / LOCK
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(
                f"{folder} is in use by {_owner(path)}. Wait, or stop it."
            ) from error
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        file.flush()
        yield


def _owner(path):
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
