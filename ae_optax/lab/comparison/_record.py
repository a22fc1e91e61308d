"""A comparison as a record, which is all that its report is made from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab._seeds import coverage, interval, places, wins_needed
from ae_optax.lab.comparison._result import Result
from ae_optax.lab.comparison._times import times_left_out
from ae_optax.lab.comparison._verdict import best_at_rates, by_setting, seconds_per_step, verdict
from ae_optax.lab.runs import (
    ComparisonRecord,
    ContenderRecord,
    Rank,
    Uncertainty,
    read_pictures,
    write_pictures,
)
from ae_optax.lab.sweeps import kept_of


def record(
    results: Sequence[Result],
    *,
    steps_per_epoch: int,
    parameters: int,
    target: float | None,
    **about: Any,
) -> ComparisonRecord:
    """Return what a comparison found.

    Args:
        results: From :func:`compare`.
        steps_per_epoch: Steps between two measurements.
        parameters: Number of the model's parameters.
        target: Test loss to time, or ``None`` for the median of the contenders' final losses.
        **about: What else the record holds, by the names of its attributes.
    """
    rule = "given in the config"
    if target is None:
        verdicts = (verdict(result, steps_per_epoch, None) for result in results)
        finals = [v.final_test.median for v in verdicts if v and v.final_test.median is not None]
        target = float(np.median(finals)) if finals else None
        rule = "the median of the contenders' final test losses, each at its best setting"
    left_out = times_left_out(results)
    contenders = [_contender(r, steps_per_epoch, parameters, target) for r in results]
    if left_out:
        contenders = list(map(_without_times, contenders))
    n_seeds = len(about["seeds"])
    return ComparisonRecord(
        **about,
        parameters=parameters,
        steps_per_epoch=steps_per_epoch,
        target=target,
        target_rule=rule,
        uncertainty=Uncertainty(coverage(n_seeds), wins_needed(n_seeds)),
        contenders=_placed(contenders),
        times_left_out=left_out,
    )


def save_pictures(folder: Path, results: Sequence[Result]) -> None:
    """Write the images shown, and what each contender made of them at its best setting.

    ``originals``, and for the contender at position i ``inputs_i``, ``reconstructions_i`` and,
    where there are any, ``samples_i``, ``codes_i`` (points of a plane) and ``code_width_i``.

    Args:
        folder: The comparison's.
        results: From :func:`compare`.
    """
    arrays: dict[str, np.ndarray] = {}
    for position, result in enumerate(results):
        best = verdict(result, 1, None)
        if best is not None:
            settings = [run.setting for run in result.runs]
            its = read_pictures(result.folders[settings.index(best.setting)])
            originals = its.pop("originals")
            # A run that was there before may show others, which do not belong beside these.
            if np.array_equal(arrays.setdefault("originals", originals), originals):
                arrays |= {f"{name}_{position}": array for name, array in its.items()}
    write_pictures(folder, arrays)


def _contender(result, steps_per_epoch, parameters, target):
    # A run that diverged may have ended early, or before its first epoch was done.
    timed = [run for run in result.runs if not run.diverged] or result.runs
    times = [1e3 * seconds_per_step(run, steps_per_epoch) for run in timed if run.seconds]
    best = verdict(result, steps_per_epoch, target)
    if best is not None:
        pairs = zip(result.runs, result.folders, strict=False)  # Made-up results have no folders.
        made = [folder for run, folder in pairs if run.setting == best.setting]
        best = replace(best, run=kept_of(made))
    return ContenderRecord(
        label=result.label,
        optimizer=result.optimizer,
        learning_rates=[float(rate) for rate in result.learning_rates],
        settings=len(by_setting(result)),
        at_rates=list(best_at_rates(result).values()),
        state_bytes_per_parameter=result.state_bytes / parameters,
        ms_per_step=float(np.median(times)) if times else None,
        ms_quartiles=tuple(np.quantile(times, (0.25, 0.75)).tolist()) if times else None,
        compile_seconds=result.compile_seconds,
        failure=result.failure,
        runs=result.runs,
        best=best,
    )


def _without_times(contender: ContenderRecord) -> ContenderRecord:
    best = contender.best and replace(contender.best, seconds_to_target=None)
    return replace(contender, ms_per_step=None, ms_quartiles=None, best=best)


def _placed(contenders: Sequence[ContenderRecord]) -> list[ContenderRecord]:
    """Give contenders that have a result their intervals and ranks."""
    finals = [
        [run.test_loss[-1] for run in one.runs if run.setting == one.best.setting]
        for one in contenders
        if one.best
    ]
    found = iter(zip(finals, places(finals), strict=True))

    def placed(one):
        if one.best is None:
            return one
        its, at = next(found)
        return replace(one, best=replace(one.best, interval=interval(its), rank=Rank(*at)))

    return [placed(one) for one in contenders]
