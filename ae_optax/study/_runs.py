"""Runs, sweeps and comparisons of a study: the commands a user would type, and what they leave."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ae_optax import report, runs
from ae_optax.cli import main
from ae_optax.config import load_comparison, load_run, load_sweep

RUNS = Path("runs")


def train(config: Path, overrides: Iterable[str] = ()) -> report.TrainRun:
    """Train as ``ae-optax train`` does, or find it done, and return what it left.

    Raises:
        SystemExit: If that fails; it has said why. A run that diverged has not failed.
    """
    words = list(overrides)
    name = runs.run_id(load_run(config, words).identity())
    folder = RUNS / f"{config.stem}-{name}"
    _call("train", config, words, folder, allowed=(0, 3))
    return report.read_run(folder, config.stem)


def compare(config: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Compare as ``ae-optax compare`` does, making what is missing, and return its record.

    Raises:
        SystemExit: If that fails; it has said why.
    """
    words = list(overrides)
    name = runs.run_id(load_comparison(config, words).identity())
    folder = RUNS / f"{config.stem}-{name}"
    _call("compare", config, words, folder)
    return report.read_record(folder / "comparison.json")


def sweep(config: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Sweep as ``ae-optax sweep`` does, making what is missing, and return its record.

    Every run of a trial has its ``rows``, one an epoch, beside its last losses.

    Raises:
        SystemExit: If that fails; it has said why.
    """
    words = list(overrides)
    name = runs.run_id(load_sweep(config, words).plain())
    _call("sweep", config, words, RUNS)
    record = json.loads((RUNS / f"{config.stem}-{name}" / "sweep.json").read_text())
    for trial in record["trials"]:
        for run in trial["runs"]:
            run["rows"] = runs.read_rows(RUNS / run["run"] / "metrics.jsonl")
    return record


def overridden(config: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Return a config of any kind in plain values, every default written."""
    words = list(overrides)
    lines = config.read_text(encoding="utf-8").splitlines()
    sections = {line.split(":")[0] for line in lines}
    kinds = {"compare": load_comparison, "sweep": load_sweep}
    load = next((kind for section, kind in kinds.items() if section in sections), load_run)
    return load(config, words).plain()


def _call(command, config, overrides, out, allowed=(0,)):
    words = [word for override in overrides for word in ("--set", override)]
    code = main([command, str(config), *words, "--out", str(out)])
    if code not in allowed:
        raise SystemExit(code)
