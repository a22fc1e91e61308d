"""A sweep as a record: its trials, best first, and what was chosen on validation."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax._checks import is_plain_number
from ae_optax.lab.plans import SweepConfig
from ae_optax.lab.runs import SweepRecord, SweptRun, TrialRecord, csv_text, find_run
from ae_optax.lab.sweeps._keeping import kept_of
from ae_optax.lab.sweeps._store import folder_of

PARTS = ("train", "validation", "test")
BAD = ("diverged", "failed")

FEWEST = 3
"""Numbers that have ends beyond which better ones may lie."""


def sweep_record(config: SweepConfig, runs: Path, failures: Mapping[str, str]) -> SweepRecord:
    """Return what a sweep found.

    The trial with the least median over seeds of the last validation loss comes first; a run that
    diverged or failed counts as infinitely bad. Without validation images the training loss
    decides. The test loss decides nothing.

    Args:
        config: The sweep.
        runs: The folder below which its runs lie.
        failures: Why runs have no record, by the names of their folders.
    """
    trials = [_trial(trial, config.seeds, runs, failures) for trial in config.trials]
    validated = any(run.validation_loss is not None for trial in trials for run in trial.runs)
    criterion = "validation_loss" if validated else "train_loss"
    order = sorted(range(len(trials)), key=lambda i: (_score(trials[i], criterion), i))
    ranked = [trials[i] for i in order]
    won = math.isfinite(_score(ranked[0], criterion))
    edges = at_edge_of_grid((t.values for t in ranked), ranked[0].values) if won else {}
    kept = kept_of([runs / run.run for run in ranked[0].runs]) if won else ""
    return SweepRecord(list(config.seeds), criterion, edges, ranked, kept)


def sweep_table(record: SweepRecord) -> str:
    """Return the runs of a sweep as CSV, those of the best trial first."""
    paths = list(record.trials[0].values)
    names = ["seed", "status", *(f"{part}_loss" for part in PARTS), "run"]
    rows = (
        [*(_cell(trial.values[path]) for path in paths), *(getattr(run, name) for name in names)]
        for trial in record.trials
        for run in trial.runs
    )
    return csv_text([*paths, *names], rows)


def at_edge_of_grid(tried: Iterable[Mapping[str, Any]], best: Mapping[str, Any]) -> dict[str, str]:
    """Return where the best values are the ``"lowest"`` or ``"highest"`` of at least three.

    Args:
        tried: The values of every trial, by name.
        best: Those of the best one.

    Returns:
        By name; words, and what was tried with fewer than three numbers, have no ends.
    """
    found, trials = {}, list(tried)
    for name, value in best.items():
        numbers = {trial[name] for trial in trials if is_plain_number(trial.get(name))}
        if len(numbers) >= FEWEST and is_plain_number(value):
            found[name] = {min(numbers): "lowest", max(numbers): "highest"}.get(value)
    return {name: edge for name, edge in found.items() if edge}


def _trial(trial, seeds, runs, failures):
    made = [_run(trial.run(seed), runs, failures) for seed in seeds]
    losses = {f"{part}_loss": _median(made, f"{part}_loss") for part in PARTS}
    return TrialRecord(dict(trial.values), **losses, runs=made)


def _run(config, runs, failures):
    folder = folder_of(config, runs)
    found, name, seed = find_run(folder), folder.name, config.training.seed
    if found is None:
        return SweptRun(name, seed, "failed", failures.get(name), None, None, None, None)
    summary = found.summary
    train, validation, test = (
        loss if math.isfinite(loss) else None for loss in map(summary.loss, PARTS)
    )
    return SweptRun(
        name, seed, summary.status, None, train, validation, test, summary.training_seconds
    )


def _score(trial, criterion):
    loss = getattr(trial, criterion)
    return math.inf if loss is None else loss


def _median(made, loss):
    """Return the median over runs, infinite for those that did not end well; ``None`` for that."""
    ended = (None if run.status in BAD else getattr(run, loss) for run in made)
    median = np.median([math.inf if value is None else value for value in ended])
    return float(median) if np.isfinite(median) else None


def _cell(value: Any) -> str | float:
    return value if is_plain_number(value) or isinstance(value, str) else json.dumps(value)
