"""The run folder."""

import datetime
import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ae_optax.lab.cli._exit import UsageError
from ae_optax.lab.runs import LOCK, write_atomically


def make_folder(out: Path | None, name: str) -> Path:
    """Make the run folder and make sure that it can be written.

    Args:
        out: The folder asked for, new or empty but for hidden files and the lock of a command that
            was killed; ``None`` for one below ``runs/``.
        name: What the latter is called, before the time.

    Raises:
        UsageError: If the folder is in use, is no folder or cannot be written.
    """
    if out is None:
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        out = Path("runs") / f"{name}-{now}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(there.name != LOCK and there.name[0] != "." for there in out.iterdir()):
            raise UsageError(f"{out}: the output folder must be new or empty. Name another.")
        _probe(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot write here: {error.strerror}.") from error
    return out


def make_shared_folder(path: Path) -> Path:
    """Make a folder that may be there, and make sure that it can be written.

    Raises:
        UsageError: If it is no folder or cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _probe(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot write here: {error.strerror}.") from error
    return path


def write(path: Path, content: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}.") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file; numbers that are not finite are a mistake of ours."""
    write(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to the standard error, one a line."""
    for text in warnings:
        print(f"warning: {text}", file=sys.stderr)


def command_line() -> str:
    """Return the command that is running, as one would type it."""
    return shlex.join(["ae-optax", *sys.argv[1:]])


def _probe(folder):
    probe = folder / ".write-test"
    probe.write_text("")
    probe.unlink()
