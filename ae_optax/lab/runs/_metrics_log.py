"""The record of a run: one row of JSON for every epoch."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ae_optax.lab.runs._files import write_atomically


class MetricsLog:
    """Rows of a run, one line of JSON each, written as they come.

    Args:
        path: The file.
        rows: What it begins with: the rows that are known to belong to the run. Whatever else it
            held, a torn line of a process that died or rows after the step the run was taken up
            from, is gone.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, path: Path, rows: Iterable[Mapping[str, Any]] = ()):
        write_atomically(path, "".join(map(_line, rows)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; it is in the file when this returns.

        Raises:
            OSError: If it cannot be written.
        """
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log, a torn last line left out; none if there is no file.

    Raises:
        ValueError: If a line before the last cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    *lines, torn = text.split("\n")
    del torn  # Empty if the last line is whole.
    return [_row(path, number, line) for number, line in enumerate(lines, start=1)]


def _line(row):
    return json.dumps(row, allow_nan=False) + "\n"


def _row(path, number, line):
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: this is no row of a log: {line[:80]!r}.") from error
