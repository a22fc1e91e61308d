"""The rows of a run: in one file beside the steps, each of which vouches for the first of them."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ae_optax.lab.checkpoints._error import DamageError, reason

FILE = "history.jsonl"


class Prefix(NamedTuple):
    """The rows that belong to a step, the first of the file.

    Attributes:
        count: How many.
        sha256: The digest of their lines, in hexadecimal.
    """

    count: int
    sha256: str


NONE = Prefix(0, "")


def write_rows(folder: Path, rows: Sequence[Any]) -> Prefix:
    """See to it that a file begins with rows, and return what to record of them.

    They are appended. If the file holds others, of a past that was given up or damaged, it is
    replaced at once: rows of older steps are the first of these and stay.
    """
    lines = b"".join(json.dumps(row, allow_nan=False).encode() + b"\n" for row in rows)
    path = folder / FILE
    present = path.read_bytes() if path.exists() else b""
    if lines.startswith(present):
        if len(present) < len(lines):
            _write(path, "ab", lines[len(present) :])
    elif not present.startswith(lines):
        draft = path.with_name(f"{FILE}.new")
        _write(draft, "wb", lines)
        draft.replace(path)
    return Prefix(len(rows), hashlib.sha256(lines).hexdigest())


def read_rows(folder: Path, prefix: Prefix) -> list[Any]:
    """Return the rows of a step, whatever follows them in the file.

    Raises:
        DamageError: If they are not what was written.
    """
    if prefix.count == 0:
        return []
    try:
        lines = (folder / FILE).read_bytes().split(b"\n")[: prefix.count]
    except OSError as error:
        raise DamageError(f"{FILE} cannot be read: {reason(error)}") from error
    if hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest() != prefix.sha256:
        raise DamageError(f"{FILE} is damaged: its first {prefix.count} rows are not those saved")
    return [json.loads(line) for line in lines]


def _write(path, mode, content):
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
