"""A comparison as plain data, which is all that its report is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab.comparison._result import LOSSES, Result
from ae_optax.lab.comparison._uncertainty import DESCRIPTION, uncertainty
from ae_optax.lab.comparison._verdict import best_at_rates, by_setting, seconds_per_step, verdict
from ae_optax.lab.runs import read_pictures, write_pictures

FORMAT = 3


def record(
    results: Sequence[Result], *, steps_per_epoch: int, parameters: int, target: float | None
) -> dict[str, Any]:
    """Return the results of a comparison as data that JSON can hold.

    Args:
        results: From :func:`compare`.
        steps_per_epoch: Steps between two measurements.
        parameters: Number of the model's parameters.
        target: Test loss to time, or ``None`` for the median of the contenders' final losses.

    Returns:
        ``format``, ``target``, ``target_rule``, ``uncertainty`` and ``contenders``; numbers that
        are not finite are ``None``.
    """
    rule = "given in the config"
    if target is None:
        verdicts = (verdict(result, steps_per_epoch, None) for result in results)
        finals = [v["final_test"]["median"] for v in verdicts if v]
        target = float(np.median(finals)) if finals else None
        rule = "the median of the contenders' final test losses, each at its best setting"
    contenders = [_contender(r, steps_per_epoch, parameters, target) for r in results]
    ranked = [(r, c["best"]) for r, c in zip(results, contenders, strict=True) if c["best"]]
    finals = [
        np.array([run.test_loss[-1] for run in by_setting(result)[best["setting"]]])
        for result, best in ranked
    ]
    for (_, best), its in zip(ranked, uncertainty(finals), strict=True):
        best |= its
    return {
        "format": FORMAT,
        "target": target,
        "target_rule": rule,
        "uncertainty": DESCRIPTION,
        "contenders": contenders,
    }


def save_pictures(folder: Path, results: Sequence[Result], originals: np.ndarray) -> None:
    """Write the images shown, and what each contender made of them at its best setting.

    ``originals``, and for the contender at position i ``inputs_i``, ``reconstructions_i`` and,
    where there are any, ``samples_i``, ``codes_i`` (points of a plane) and ``code_width_i``.

    Args:
        folder: The comparison's.
        results: From :func:`compare`.
        originals: Test images; the first of them are the ones shown.
    """
    arrays: dict[str, Any] = {}
    shown = len(originals)
    for position, result in enumerate(results):
        best = verdict(result, 1, None)
        its_folder = by_setting(result)[best["setting"]][0].folder if best else None
        if its_folder is not None:
            its = read_pictures(its_folder)
            del its["originals"]
            shown = len(its["inputs"])
            arrays |= {f"{name}_{position}": array for name, array in its.items()}
    write_pictures(folder, {"originals": originals[:shown], **arrays})


def _contender(result, steps_per_epoch, parameters, target):
    # A run that diverged may have ended early, or before its first epoch was done.
    timed = [run for run in result.runs if not run.diverged] or result.runs
    times = [seconds_per_step(run, steps_per_epoch) for run in timed if run.seconds]
    return {
        "label": result.label,
        "learning_rates": [float(rate) for rate in result.learning_rates],
        "settings": len(by_setting(result)),
        "at_rates": list(best_at_rates(result).values()),
        "state_bytes_per_parameter": result.state_bytes / parameters,
        "ms_per_step": 1e3 * float(np.median(times)) if times else None,
        "compile_seconds": result.compile_seconds,
        "failure": result.failure,
        "runs": [_run(run) for run in result.runs],
        "best": verdict(result, steps_per_epoch, target),
    }


def _run(run):
    return {
        "setting": run.setting,
        "learning_rate": run.learning_rate,
        "values": dict(run.values),
        "seed": run.seed,
        "diverged": run.diverged,
        "seconds": run.seconds,
        "train_loss": _numbers(run.train_loss),
        "validation_loss": _numbers(run.validation_loss),
        "test_loss": _numbers(run.test_loss),
        "rows": {name: _numbers(values) for name, values in run.rows.items() if name not in LOSSES},
    }


def _numbers(array):
    return [float(x) if np.isfinite(x) else None for x in array]
