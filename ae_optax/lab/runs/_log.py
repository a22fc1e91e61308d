"""The log of a run: one line of JSON for every epoch, written as they come."""

import dataclasses
import importlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ae_optax.lab.runs._codec import flat, from_json, to_json
from ae_optax.lab.runs._files import LOG, parse_json, read_bytes, write_file


@dataclass(frozen=True)
class EpochRow:
    """What is recorded of one epoch. A number that was not finite is NaN, and ``null`` in files.

    Attributes:
        epoch: Counted from 1.
        step: Steps done.
        train_loss: Mean over the epoch, each image at the step that saw it.
        validation_loss: After the epoch; NaN without validation images.
        test_loss: After the epoch.
        learning_rate: Of the epoch's last step, times what ``reduce_on_plateau`` leaves of it; NaN
            if the optimizer's state shows none, or several.
        plateau_scale: What ``reduce_on_plateau`` leaves of the rate; 1 without.
        seconds: Spent on the epoch and its evaluation, compilation excluded.
        metrics: Everything else by name: terms of the loss and metrics such as ``test_psnr``, and
            what ``with_telemetry`` measured at the last step.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float
    test_loss: float
    learning_rate: float
    plateau_scale: float
    seconds: float
    metrics: Mapping[str, float] = flat()

    @property
    def is_finite(self) -> bool:
        """Whether the losses in training and testing are; those of validation may be missing."""
        return math.isfinite(self.train_loss) and math.isfinite(self.test_loss)

    def flat(self) -> dict[str, Any]:
        """Return the row as one flat dictionary."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | own.pop("metrics")


class Rows(list[EpochRow]):
    """The rows of a run, the first epoch's first: a list that notebooks show as a table."""

    def __repr__(self) -> str:
        """Return what the last row says, and of how many."""
        if not self:
            return "<no epochs>"
        last = f"train {self[-1].train_loss:.5g}, test {self[-1].test_loss:.5g}"
        return f"<{len(self)} epochs, the last: {last}>"

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``, one row an epoch.

        Raises:
            ImportError: If pandas is not installed.
        """
        pandas = importlib.import_module("pandas")
        return pandas.DataFrame([row.flat() for row in self]).set_index("epoch")

    def _repr_html_(self) -> str:
        """Return the rows as a table; of many the first and the last."""
        names = list(dict.fromkeys(name for row in self for name in row.flat()))
        gap = len(self) > 2 * _ENDS
        shown = [*self[:_ENDS], *self[-_ENDS:]] if gap else self
        lines = [
            "".join(f"<td>{_short(row.flat().get(name))}</td>" for name in names) for row in shown
        ]
        if gap:
            lines.insert(_ENDS, f'<td colspan="{len(names)}">…</td>')
        head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_ENDS = 10


def _short(value):
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def make_row(epoch: int, step: int, seconds: float, numbers: Mapping[str, Any]) -> EpochRow:
    """Return the row of an epoch from what was measured at its end, by name.

    A loss or a rate that was not measured, as there is none, is NaN.
    """
    values = {name: float(value) for name, value in numbers.items()}
    missing = dict.fromkeys(("validation_loss", "test_loss", "learning_rate"), math.nan)
    names = {field.name for field in dataclasses.fields(EpochRow)} & values.keys()
    own = missing | {name: values.pop(name) for name in names}
    return EpochRow(epoch=epoch, step=step, seconds=seconds, metrics=values, **own)


class Log:
    """The log in the folder of a run.

    Args:
        folder: The folder.
        rows: What it begins with: the rows that are known to belong to the run. Whatever else it
            held, a torn line of a process that died or rows after the step the run was taken up
            from, is gone.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, folder: Path, rows: Iterable[EpochRow] = (), *, durable: bool = True):
        write_file(folder / LOG, "".join(map(_line, rows)), durable=durable)
        self._file = (folder / LOG).open("a", encoding="utf-8")

    def write(self, row: EpochRow) -> None:
        """Append a row; it is in the file when this returns.

        Raises:
            OSError: If it cannot be written.
        """
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(folder: Path) -> list[EpochRow]:
    """Return the rows of a run, a torn last line left out; none if there is no log.

    Raises:
        OSError: If it cannot be read.
        DamagedError: If a line before the last is no row.
    """
    path = folder / LOG
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        return []
    *lines, torn = content.split(b"\n")
    del torn  # Empty if the last line is whole.
    return [_row(path, number, line) for number, line in enumerate(lines, start=1)]


def _line(row):
    return json.dumps(to_json(row), allow_nan=False) + "\n"


def _row(path, number, line):
    return from_json(EpochRow, parse_json(line, path, number), f"{path}:{number}")
