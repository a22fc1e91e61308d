"""A comparison as CSV, unrounded: the verdict table, all runs, all epochs."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ae_optax.lab.report._comparison_facts import LOSSES, ranked, varied
from ae_optax.lab.runs import ComparisonRecord, ContenderRecord, csv_text, write_file

_SPREAD = ("median", "lowest", "highest")
_RENAMED = {"learning_rate": "learning_rate_in_force"}  # Beside the one that was tried.


def write_table(record: ComparisonRecord, path: Path) -> None:
    """Write the verdict table as CSV, numbers in full, one contender a row, best first.

    Args:
        record: A comparison.
        path: The file. UTF-8 with a header; what is absent is an empty field.
    """
    _write(path, list(_row(None)), (_row(contender) for _, contender in ranked(record)))


def write_runs(record: ComparisonRecord, path: Path) -> None:
    """Write all runs of a comparison as CSV, one a row: what was measured at its end.

    Args:
        record: A comparison.
        path: The file. Columns are named after what was recorded of every epoch.
    """
    identity = ["contender", "learning_rate", *varied(record), "seed"]
    names = [*identity, "diverged", "seconds", *_recorded(record)]
    rows = (
        {**_identity(c, run), "diverged": run.diverged, "seconds": run.seconds}
        | {name: values[-1] for name, values in _curves(run).items()}
        for c in record.contenders
        for run in c.runs
    )
    _write(path, names, rows)


def write_epochs(record: ComparisonRecord, path: Path) -> None:
    """Write all epochs of all runs of a comparison as CSV, one a row.

    Args:
        record: A comparison.
        path: The file. Epoch 0 is the untrained model.
    """
    identity = ["contender", "learning_rate", *varied(record), "seed"]
    names = [*identity, "epoch", "step", *_recorded(record)]
    runs = ((c, run) for c in record.contenders for run in c.runs)
    rows = (row for pair in runs for row in _epochs(record, *pair))
    _write(path, names, rows)


def _epochs(record, contender, run) -> Iterator[dict[str, Any]]:
    curves, n = _curves(run), len(run.train_loss)
    for epoch in range(n + 1):
        measured = {
            # What starts before training has a value more.
            name: values[epoch - n - 1]
            for name, values in curves.items()
            if len(values) > n - epoch
        }
        step = epoch * record.steps_per_epoch
        yield {**_identity(contender, run), "epoch": epoch, "step": step, **measured}


def _identity(contender, run):
    return {
        "contender": contender.label,
        "learning_rate": run.learning_rate,
        **{name: _cell(value) for name, value in run.values.items()},
        "seed": run.seed,
    }


def _cell(value):
    return value if isinstance(value, str | int | float) else json.dumps(value)


def _curves(run):
    rows = {_RENAMED.get(name, name): values for name, values in run.rows.items()}
    return {**{name: getattr(run, name) for name in LOSSES}, **rows}


def _recorded(record) -> list[str]:
    runs = (run for c in record.contenders for run in c.runs)
    return list(dict.fromkeys(name for run in runs for name in _curves(run)))


def _write(path: Path, names: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    cells = ([_known(row.get(name)) for name in names] for row in rows)
    write_file(path, csv_text(names, cells))


def _known(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(contender: ContenderRecord | None) -> dict[str, Any]:
    """Return a contender by column; of nobody, the columns alone."""

    def of(path: str) -> Any:
        value: Any = contender
        for name in path.split("."):
            value = getattr(value, name, None)
        return value

    runs = of("runs") or ()
    lowest, highest = of("best.usable") or (None, None)
    interval = of("best.interval") or (None, None)
    return {
        "contender": of("label"),
        **{f"final_test_{k}": of(f"best.final_test.{k}") for k in _SPREAD},
        **{f"best_test_{k}": of(f"best.best_test.{k}") for k in _SPREAD},
        "final_test_interval_lowest": interval[0],
        "final_test_interval_highest": interval[1],
        **{f"rank_{k}": of(f"best.rank.{k}") for k in ("place", "lowest", "highest")},
        "learning_rate": of("best.learning_rate"),
        "edge": of("best.edge"),
        "values": json.dumps(of("best.values")) if of("best.values") else None,
        "usable_lowest": lowest,
        "usable_highest": highest,
        "usable_decades": of("best.usable_decades"),
        "diverged_share": sum(run.diverged for run in runs) / len(runs) if runs else None,
        "runs": len(runs),
        "steps_to_target": of("best.steps_to_target"),
        "seconds_to_target": of("best.seconds_to_target"),
        "ms_per_step": of("ms_per_step"),
        "compile_seconds": of("compile_seconds"),
        "state_bytes_per_parameter": of("state_bytes_per_parameter"),
        "failure": of("failure"),
    }
