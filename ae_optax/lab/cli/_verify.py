"""``ae-optax verify``: whether what run folders hold is what was written."""

import argparse
from pathlib import Path

from ae_optax.lab import runs
from ae_optax.lab.checkpoints import Checkpoints
from ae_optax.lab.cli._exit import FAILED, OK, UsageError
from ae_optax.lab.cli._terminal import say


def verify(arguments: argparse.Namespace) -> int:
    """Say of every folder what is damaged in it; return whether anything is."""
    found = {folder: _damage(folder) for folder in arguments.runs}
    for folder, lines in found.items():
        say(*(lines or [f"{folder}: whole"]))
    return FAILED if any(found.values()) else OK


def _damage(folder: Path) -> list[str]:
    """Return what is damaged, a line for each file, in the runs of sweeps and comparisons too."""
    if (folder / runs.COMPARISON).exists():
        return _of_comparison(folder)
    if (folder / runs.SWEEP).exists():
        return _of_sweep(folder)
    if not (folder / runs.SUMMARY).exists():
        names = f"{runs.SUMMARY}, {runs.COMPARISON} or {runs.SWEEP}"
        raise UsageError(f"{folder}: holds no run: there must be {names}.")
    saved = Checkpoints(folder / runs.CHECKPOINTS).damaged()
    # Single steps are in no checkpoint: who mends the rest must pass over them.
    lines = runs.damage(folder) or _told(lambda: runs.read_run(folder).steps)
    return lines + [f"{folder / runs.CHECKPOINTS / str(step)}: {reason}." for step, reason in saved]


def _of_comparison(folder):
    pictures = _told(lambda: runs.read_pictures(folder))
    lines = _told(lambda: runs.read_comparison(folder))
    if lines:
        return lines + pictures
    made = (run.run for one in runs.read_comparison(folder).contenders for run in one.runs)
    return pictures + _of_runs(folder, filter(None, made))  # Older records do not name them.


def _of_sweep(folder):
    lines = _told(lambda: runs.read_sweep(folder))
    if lines:
        return lines
    its = (run for trial in runs.read_sweep(folder).trials for run in trial.runs)
    return _of_runs(folder, [run.run for run in its if run.failure is None])


def _of_runs(folder, names):
    """Return what is damaged in the runs that a sweep or a comparison is made of."""
    places = [runs.beside(folder, name) for name in names]
    gone = [place for place in places if not (place / runs.SUMMARY).exists()]
    lines = [f"{place / runs.SUMMARY}: must be there, as {folder} tells of it." for place in gone]
    return lines + [line for place in places if place not in gone for line in _damage(place)]


def _told(read):
    try:
        read()
    except (runs.DamagedError, OSError) as error:
        return [runs.in_words(error)]
    return []
