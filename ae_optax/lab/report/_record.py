"""What a record of a comparison says: its contenders in order, its curves with their spread."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab.figures import Spread

FORMAT = 3
LOSSES = ("train_loss", "validation_loss", "test_loss")

Record = Mapping[str, Any]


def read_record(path: Path) -> dict[str, Any]:
    """Read a comparison's record.

    Args:
        path: The file, ``comparison.json``.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no record of a comparison, or one of another format.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: must hold JSON, got {error}.") from error
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path}: `format` must be {FORMAT}, got {found!r}.")
    return record


def ranked(record: Record) -> list[tuple[int, Record]]:
    """Return the contenders with their positions, best first.

    Order is by final test loss; contenders whose runs all diverged follow, then those that failed.
    A position names a contender's colour and its images, whatever its rank.
    """

    def key(item):
        contender = item[1]
        if contender["failure"] is not None:
            return (3, 0.0)
        if contender["best"] is None:
            return (2, 0.0)
        median = contender["best"]["final_test"]["median"]
        return (1, 0.0) if median is None else (0, median)

    return sorted(enumerate(record["contenders"]), key=key)


def with_result(record: Record) -> list[tuple[int, Record]]:
    """Return the contenders that have a best rate, with their positions, best first."""
    return [(i, contender) for i, contender in ranked(record) if contender["best"] is not None]


def best_runs(contender: Record) -> list[Record]:
    """Return a contender's runs at its best setting."""
    setting = contender["best"]["setting"]
    return [run for run in contender["runs"] if run["setting"] == setting]


def runs_by_rate(contender: Record) -> dict[float, list[Record]]:
    """Return a contender's runs by learning rate, lowest first, at the setting chosen there."""
    groups: dict[float, list[Record]] = {}
    for run in sorted(contender["runs"], key=lambda run: run["learning_rate"]):
        if run["setting"] in contender["at_rates"]:
            groups.setdefault(run["learning_rate"], []).append(run)
    return groups


def chosen_by(record: Record) -> str:
    """Return by which loss settings were chosen, "validation" or "training"."""
    return "validation" if record["data"]["validation"] else "training"


def varied(record: Record) -> list[str]:
    """Return the names of what some contender varies beside the learning rate."""
    runs = (run for contender in record["contenders"] for run in contender["runs"])
    return list(dict.fromkeys(name for run in runs for name in run["values"]))


def array(values: Sequence[float | None]) -> np.ndarray:
    """Return numbers as an array, with infinity for what was not finite."""
    return np.array([np.inf if value is None else value for value in values], dtype=np.float64)


def over_seeds(runs: Sequence[Record], key: str) -> Spread | None:
    """Return the spread over runs of a curve of theirs, or ``None`` if one has none of the name.

    A loss that is not finite is infinitely bad. Of other numbers, such as norms, which may be good
    or bad, only the finite ones count.
    """
    found = [run[key] if key in LOSSES else run["rows"].get(key) for run in runs]
    if None in found:
        return None
    curves = np.stack([array(curve) for curve in found])
    if key in LOSSES:
        return Spread(np.median(curves, axis=0), curves.min(axis=0), curves.max(axis=0))
    known = np.ma.masked_invalid(curves)
    statistics = (np.ma.median, np.ma.min, np.ma.max)
    return Spread(*(np.ma.filled(f(known, axis=0), np.nan) for f in statistics))


def untrained(record: Record) -> float | None:
    """Return the median test loss before training, or ``None`` if nothing ran."""
    first = [run["test_loss"][0] for c in record["contenders"] for run in c["runs"]]
    finite = [loss for loss in first if loss is not None]
    return float(np.median(finite)) if finite else None
