"""Files of a run folder: their names, written whole or not at all, their damage named."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CONFIG = "config.yaml"
"""The config, every default written."""
LOG = "metrics.jsonl"
"""A row for every epoch."""
STEPS = "steps.csv"
"""A row for every so many steps, if they are recorded."""
SUMMARY = "summary.json"
"""How a training run ended, and where its numbers come from."""
PICTURES = "images.npz"
"""What there is to see."""
CHECKPOINTS = "checkpoints"
"""The folder of states."""
COMPARISON = "comparison.json"
"""What a comparison found."""
SWEEP = "sweep.json"
"""What a sweep found."""
REPORT = "report.html"
"""The page about it."""

FORMAT = 4
"""Of the records written here; older ones can be read."""


class DamagedError(ValueError):
    """A file is not what was written; the message names the file, and the line if there is one."""


def write_file(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a file so that a reader finds the old one or the new one, and either of them whole.

    Args:
        path: The file.
        content: Text, which is written as UTF-8, or bytes.
        durable: Whether to wait for the disk, so that it outlasts a crash of the machine.

    Raises:
        OSError: If it cannot be written; an old file stays.
    """
    # Of two that write at once, each has a draft of its own.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    try:
        with draft.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        error.filename = str(path)  # Nobody has heard of the draft.
        raise


def read_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If it is none: a pipe or a device could be read for ever.
    """
    _check_file(path)
    return path.read_bytes()


def _check_file(path):
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DamagedError(f"{path}: must be a file, got a pipe or a device.")


def read_text(path: Path) -> str:
    """Return what a text file holds.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If it is not UTF-8.
    """
    return _decode(read_bytes(path), path, 1)


def write_record(path: Path, content: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a JSON object that begins with its format, as :func:`write_file` does.

    Raises:
        OSError: If it cannot be written.
    """
    text = json.dumps({"format": FORMAT, **content}, indent=1, allow_nan=False)
    write_file(path, f"{text}\n", durable=durable)


def read_record(
    path: Path, as_now: Callable[[dict[str, Any]], dict[str, Any]], *, oldest: int = 1
) -> dict[str, Any]:
    """Read what :func:`write_record` wrote.

    Args:
        path: The file.
        as_now: Makes of an older format what it is today.
        oldest: The oldest format that it knows; 1 is that of files which do not tell.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If it holds anything else, or was written by another version.
    """
    content = parse_json(read_bytes(path), path)
    if not isinstance(content, dict):
        raise DamagedError(f"{path}: must hold a JSON object, got {shown(content)}.")
    found = content.pop("format", 1)
    if type(found) is not int or not oldest <= found <= FORMAT:
        raise DamagedError(
            f"{path}: `format` must lie in [{oldest}, {FORMAT}], got {shown(found)}: "
            "it is no such record, or one of another version."
        )
    return content if found == FORMAT else as_now(content)


def parse_json(content: bytes, path: Path, line: int = 1) -> Any:
    """Return what JSON says that stands in a file from some line on.

    Raises:
        DamagedError: If it is none.
    """
    text = _decode(content, path, line)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at, why = line + error.lineno - 1, error.msg
    except (RecursionError, ValueError) as error:  # Python reads no number of 5000 digits.
        at, why = line, str(error).partition(";")[0]
    raise DamagedError(f"{path}:{at}: must hold JSON: {why}.")


def _decode(content, path, line):
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        at = line + content.count(b"\n", 0, error.start)
        raise DamagedError(f"{path}:{at}: must be text in UTF-8, got other bytes.") from error


def shown(value: Any) -> str:
    """Return a value as JSON, cut off where it would fill more than a line."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If it is no file.
    """
    _check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_words(error: Exception) -> str:
    """Return an error in a line: of one of the system the file, if it has one, and the reason."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."
