"""The log of single steps: a table as CSV, written as they come."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ae_optax.lab.runs._files import STEPS, DamagedError, read_bytes, write_file

Steps = Mapping[str, np.ndarray]
"""``step``, the number of steps done, and what was measured of each by name; all of shape (n,)."""


class StepLog:
    """The log of single steps in the folder of a run; there is no file before the first.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path):
        self._folder, self._last = folder, -1
        self._names: list[str] = []

    def write(self, steps: Steps) -> None:
        """Append steps. Where they were written before, they replace those and all thereafter.

        Raises:
            OSError: If they cannot be written.
            DamagedError: If the file holds something else.
        """
        names, first = list(steps), steps["step"][0]
        if names != self._names or first <= self._last:
            before = read_steps(self._folder)
            earlier = before.get("step", np.zeros(0)) < first
            before = {name: before[name][earlier] for name in names if name in before}
            whole = f"{','.join(names)}\n{_lines(before) if list(before) == names else ''}"
            write_file(self._folder / STEPS, whole)
            self._names = names
        with (self._folder / STEPS).open("a", encoding="utf-8") as file:
            file.write(_lines(steps))
        self._last = steps["step"][-1]


def read_steps(folder: Path) -> dict[str, np.ndarray]:
    """Return the log of single steps, a torn last line left out; nothing if there is none.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If a line before the last holds something else than numbers.
    """
    path = folder / STEPS
    try:
        header, *lines = read_bytes(path).split(b"\n")
    except FileNotFoundError:
        return {}
    names, rows = header.decode("utf-8", "replace").split(","), []
    for number, line in enumerate(lines[:-1], start=2):
        try:
            row = [float(cell) for cell in line.split(b",")]
        except ValueError:
            row = []
        if len(row) != len(names):
            raise DamagedError(f"{path}:{number}: must hold {len(names)} numbers.")
        rows.append(row)
    table = dict(zip(names, np.array(rows).reshape(-1, len(names)).T, strict=True))
    return table | {"step": table["step"].astype(int)} if "step" in table else table


def _lines(steps):
    """Float32 has nine digits."""
    return "".join(
        ",".join(f"{x:.9g}" for x in row) + "\n" for row in zip(*steps.values(), strict=True)
    )
