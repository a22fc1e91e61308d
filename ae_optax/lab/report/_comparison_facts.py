"""What a record of a comparison says: its contenders in order, its curves with their spread."""

from collections.abc import Sequence

import numpy as np

from ae_optax.lab._format import percent
from ae_optax.lab._seeds import coverage, wins_needed
from ae_optax.lab.figures import Spread
from ae_optax.lab.runs import Best, ComparisonRecord, ContenderRecord, ContenderRun

LOSSES = ("train_loss", "validation_loss", "test_loss")


def ranked(record: ComparisonRecord) -> list[tuple[int, ContenderRecord]]:
    """Return the contenders with their positions, best first.

    Order is by final test loss; contenders whose runs all diverged follow, then those that failed.
    A position names a contender's colour and its images, whatever its rank.
    """

    def key(item):
        contender = item[1]
        if contender.failure is not None:
            return (3, 0.0)
        if contender.best is None:
            return (2, 0.0)
        median = contender.best.final_test.median
        return (1, 0.0) if median is None else (0, median)

    return sorted(enumerate(record.contenders), key=key)


def with_result(record: ComparisonRecord) -> list[tuple[int, ContenderRecord, Best]]:
    """Return the contenders that have a best rate, with their positions and it, best first."""
    return [(i, contender, contender.best) for i, contender in ranked(record) if contender.best]


def best_runs(contender: ContenderRecord, best: Best) -> list[ContenderRun]:
    """Return a contender's runs at its best setting."""
    return [run for run in contender.runs if run.setting == best.setting]


def runs_by_rate(contender: ContenderRecord) -> dict[float, list[ContenderRun]]:
    """Return a contender's runs by learning rate, lowest first, at the setting chosen there."""
    groups: dict[float, list[ContenderRun]] = {}
    for run in sorted(contender.runs, key=lambda run: run.learning_rate):
        if run.setting in contender.at_rates:
            groups.setdefault(run.learning_rate, []).append(run)
    return groups


def finals(record: ComparisonRecord, contender: ContenderRecord, best: Best) -> list[float]:
    """Return a contender's final test losses at its best setting, in the order of the seeds."""
    found = {run.seed: run.test_loss[-1] for run in best_runs(contender, best)}
    return [found[seed] for seed in record.seeds]


def wins(record: ComparisonRecord) -> str:
    """Return with how many of the seeds a contender must be lower to be ahead, in words."""
    n = len(record.seeds)
    needed = wins_needed(n)
    return "every seed" if needed == n else f"at least {needed} of the {n} seeds"


def by_chance(record: ComparisonRecord) -> str:
    """Return how often one of two equal contenders is ahead of the other, in words."""
    return percent(1 - coverage(len(record.seeds)))


def chosen_by(record: ComparisonRecord) -> str:
    """Return by which loss settings were chosen, "validation" or "training"."""
    return "validation" if record.data.validation else "training"


def varied(record: ComparisonRecord) -> list[str]:
    """Return the names of what some contender varies beside the learning rate."""
    runs = (run for contender in record.contenders for run in contender.runs)
    return list(dict.fromkeys(name for run in runs for name in run.values))


def over_seeds(runs: Sequence[ContenderRun], key: str) -> Spread | None:
    """Return the spread over runs of a curve of theirs, or ``None`` if one has none of the name.

    A loss that is not finite is infinitely bad. Of other numbers, such as norms, which may be good
    or bad, only the finite ones count.
    """
    found = [getattr(run, key) if key in LOSSES else run.rows.get(key) for run in runs]
    if None in found:
        return None
    curves = np.array(found, dtype=np.float64)
    if key in LOSSES:
        curves[~np.isfinite(curves)] = np.inf
        return Spread(np.median(curves, axis=0), curves.min(axis=0), curves.max(axis=0))
    known = np.ma.masked_invalid(curves)
    statistics = (np.ma.median, np.ma.min, np.ma.max)
    return Spread(*(np.ma.filled(f(known, axis=0), np.nan) for f in statistics))


def untrained(record: ComparisonRecord) -> float | None:
    """Return the median test loss before training, or ``None`` if nothing ran."""
    first = [run.test_loss[0] for c in record.contenders for run in c.runs]
    finite = [loss for loss in first if np.isfinite(loss)]
    return float(np.median(finite)) if finite else None
