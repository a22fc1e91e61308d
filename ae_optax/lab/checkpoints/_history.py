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


class History:
    """What writes the rows of a run: each is encoded, hashed and written once.

    Args:
        folder: Where the file is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.forget()

    def forget(self) -> None:
        """Take no row for known: those to come may begin otherwise."""
        self._lines: list[bytes] = []
        self._sha256 = hashlib.sha256()
        self._left: Any = None  # How the file was left with the first lines in it, and no others.
        self._written = 0

    def take(self, rows: Sequence[Any]) -> None:
        """Take rows, which begin with those taken before, if there are any.

        Raises:
            TypeError: If a row holds what JSON cannot say.
            ValueError: If a row holds a number not finite.
        """
        known = len(self._lines)
        if known and (len(rows) < known or _line(rows[known - 1]) != self._lines[-1]):
            self.forget()
        new = [_line(row) for row in rows[len(self._lines) :]]
        self._lines += new
        self._sha256.update(b"".join(new))

    def write(self) -> Prefix:
        """See to it that the file begins with the rows taken, and return what to record of them.

        They are appended. If the file holds others, of a past that was given up or damaged, it is
        replaced at once: rows of older steps are the first of these and stay.
        """
        left, self._left = self._left, None
        if left is None or left != _look(self._path):
            self._write_anew()
        elif self._written < len(self._lines):
            _write(self._path, "ab", self._lines[self._written :])
            self._left = _look(self._path)
        else:
            self._left = left
        self._written = len(self._lines)
        return Prefix(len(self._lines), self._sha256.hexdigest())

    def _write_anew(self):
        lines, present = b"".join(self._lines), _content(self._path)
        if present is not None and lines.startswith(present):
            if len(present) < len(lines):
                _write(self._path, "ab", [lines[len(present) :]])
        elif present is not None and present.startswith(lines):
            return  # What follows may be of steps that are there.
        else:
            draft = self._path.with_name(f"{FILE}.new")
            _write(draft, "wb", [lines])
            draft.replace(self._path)
        self._left = _look(self._path)


def read_rows(folder: Path, prefix: Prefix, log: Path | None = None) -> tuple[list[Any], str]:
    """Return the rows of a step, whatever follows them in the file.

    Args:
        folder: Where the file is.
        prefix: Which rows belong to the step.
        log: Another file that may begin with the same lines.

    Returns:
        The rows, none if they are lost; and what is wrong with the file, nothing if all is well.
    """
    if prefix.count == 0:
        return [], ""
    try:
        return _rows(folder / FILE, prefix), ""
    except DamageError as damage:
        try:
            return _rows(log, prefix) if log else [], str(damage)
        except DamageError:
            return [], str(damage)


def _rows(path, prefix):
    try:
        if path.exists() and not path.is_file():
            raise DamageError(f"{path.name} is no file")
        lines = path.read_bytes().split(b"\n")[: prefix.count]
    except OSError as error:
        raise DamageError(f"{path.name} cannot be read: {reason(error)}") from error
    if hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest() != prefix.sha256:
        raise DamageError(
            f"{path.name} is damaged: its first {prefix.count} rows are not those saved"
        )
    return [json.loads(line) for line in lines]


def _line(row):
    return json.dumps(row, allow_nan=False).encode() + b"\n"


def _content(path):
    """Return what is in a file, nothing if there is none; ``None`` if it is something else."""
    if path.is_file():
        return path.read_bytes()
    return None if path.exists() else b""


def _look(path):
    """Return what changes when somebody writes a file; ``None`` if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _write(path, mode, lines):
    with path.open(mode) as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
