"""What a contender's runs amount to: its best setting, chosen on validation, measured on test."""

import numpy as np

from ae_optax.lab.comparison._result import Result
from ae_optax.lab.runs import Best, ContenderRun, OverSeeds
from ae_optax.lab.sweeps import at_edge_of_grid

USABLE = 1.1


def verdict(result: Result, steps_per_epoch: int, target: float | None) -> Best | None:
    """Summarise a contender.

    Args:
        result: Its runs.
        steps_per_epoch: Steps between two measurements.
        target: Test loss to time, or ``None``.

    Returns:
        The best setting, the losses at it, what it has at an end of the numbers tried, the
        window of usable rates and its width in powers of ten, the share of diverged runs and steps
        and seconds to the target, or ``None`` if every run diverged. What the other numbers are at
        a rate is chosen there as everywhere, on validation.
    """
    settings = by_setting(result)
    scores = {setting: _score(runs) for setting, runs in settings.items()}
    best = min(scores, key=scores.__getitem__, default=None)
    if best is None or not np.isfinite(scores[best]):
        return None
    runs = settings[best]
    steps = np.median([_steps_to(run, steps_per_epoch, target) for run in runs])
    # Whatever the rate: the few runs at the best one may have met more load than others.
    alike = [run for run in result.runs if run.values == runs[0].values and not run.diverged]
    pace = np.median([seconds_per_step(run, steps_per_epoch) for run in alike])
    at_rates = _best_at_rates(settings, scores)
    final = np.median(_worst_if_lost([run.test_loss[-1] for run in runs]))
    usable = _usable({rate: settings[s] for rate, s in at_rates.items()}, final)
    rate, values = runs[0].learning_rate, runs[0].values
    return Best(
        setting=best,
        learning_rate=rate,
        values=dict(values),
        edge=at_edge_of_grid(({"": r} for r in at_rates), {"": rate}).get(""),
        value_edges=at_edge_of_grid((its[0].values for its in settings.values()), values),
        final_test=_spread([run.test_loss[-1] for run in runs]),
        best_test=_spread([np.min(_worst_if_lost(run.test_loss)) for run in runs]),
        diverged_share=float(np.mean([run.diverged for run in result.runs])),
        usable=usable,
        usable_decades=float(np.log10(usable[1] / usable[0])) if usable else None,
        steps_to_target=_finite(steps),
        seconds_to_target=_finite(steps * pace),
    )


def by_setting(result: Result) -> dict[int, list[ContenderRun]]:
    """Group a contender's runs by setting."""
    groups: dict[int, list[ContenderRun]] = {}
    for run in result.runs:
        groups.setdefault(run.setting, []).append(run)
    return groups


def best_at_rates(result: Result) -> dict[float, int]:
    """Return, for every learning rate, the setting that does best there on validation."""
    settings = by_setting(result)
    return _best_at_rates(settings, {setting: _score(runs) for setting, runs in settings.items()})


def seconds_per_step(run: ContenderRun, steps_per_epoch: int) -> float:
    """Return the mean time of a step of one run, its share of the evaluations included."""
    return run.seconds / (len(run.train_loss) * steps_per_epoch)


def _score(runs):
    """Median over seeds of the last validation loss; of the last training loss without a set."""
    finals = [_final(run) for run in runs]
    return float(np.median(finals))


def _final(run):
    if run.diverged:
        return np.inf
    measured = run.validation_loss if np.isfinite(run.validation_loss[-1]) else run.train_loss
    return float(measured[-1])


def _best_at_rates(settings, scores):
    rates: dict[float, list[int]] = {}
    for setting, (run, *_) in settings.items():
        rates.setdefault(run.learning_rate, []).append(setting)
    return {rate: min(its, key=scores.__getitem__) for rate, its in rates.items()}


def _usable(at_rates, best):
    usable = []
    for rate, runs in at_rates.items():
        finals = [np.inf if run.diverged else run.test_loss[-1] for run in runs]
        if np.median(finals) <= USABLE * best:
            usable.append(rate)
    return (min(usable), max(usable)) if usable else None


def _steps_to(run, steps_per_epoch, target):
    if target is None:
        return np.inf
    reached = np.flatnonzero(np.asarray(run.test_loss) <= target)
    return float(reached[0] * steps_per_epoch) if reached.size else np.inf


def _spread(values):
    values = _worst_if_lost(values)
    return OverSeeds(*map(_finite, (np.median(values), np.min(values), np.max(values))))


def _worst_if_lost(values):
    """Count what is not a number as the worst there is, not as missing."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), values, np.inf)


def _finite(value):
    return float(value) if np.isfinite(value) else None
