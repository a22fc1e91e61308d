"""What is missing is done; what is there is taken as it is, if it would be the same today."""

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from warnings import warn

from ae_optax.lab import runs as folders
from ae_optax.lab._environment import device, numerics, versions
from ae_optax.lab.runs import Summary, find_run, find_summary
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import DataOf, build_once, folder_of


def complete(
    jobs: Sequence[Job],
    runs: Path,
    execute: Executor,
    *,
    data_of: DataOf | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    on_note: Callable[[str], None] = warn,
) -> dict[str, str]:
    """Do the jobs whose records are missing.

    A record is taken if it would be the same today: if it was made on the images that there are
    now, under the settings of JAX that are in force, by this arithmetic of the package. Another one
    is made anew, and the old one kept beside it. Versions and devices may differ, which changes
    numbers in their last digits, and is told.

    Args:
        jobs: All of them.
        runs: The folder below which each has its own.
        execute: What does them.
        data_of: Gives the data of a run; they are built from its config by default, once.
        on_outcome: Called with each outcome as soon as it is known; those that need not be done
            come first.
        on_note: Called with what there is to say of records that were there.

    Returns:
        Why jobs failed, by the names of their folders; what failed is done by the next call.
    """
    data_of, now = data_of or build_once(), numerics()
    missing: list[Job] = []
    unlike: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for job in jobs:
        folder = folder_of(job.config, runs)
        try:
            how = _otherwise(job, folder, data_of, now)
        except Exception:  # What they are is for the executor to find out.
            missing.append(job)
            continue
        if how:
            unlike[how] += 1
            _set_aside(folder, data_of(job.config).fingerprint, now)
        run = find_run(folder)
        if run is None:
            missing.append(job)
            summary = find_summary(folder)
            if summary is not None and summary.has_ended:
                on_note(f"{folders.damage(folder)[0]} The run is made anew.")
        else:
            elsewhere.update(_elsewhere(run.summary))
            on_outcome(Outcome(job))
    for how, count in unlike.items():
        on_note(f"{runs}: {count} of {len(jobs)} runs were made {how}. They are made anew.")
    for how, count in elsewhere.items():
        on_note(
            f"{runs}: {count} of {len(jobs)} runs were made {how}: between them, numbers agree to "
            "rounding only."
        )
    failures = {}
    for outcome in execute(missing, runs) if missing else ():
        folder = folder_of(outcome.job.config, runs)
        if outcome.failure is None:
            how = _otherwise(outcome.job, folder, data_of, now)
            outcome = outcome._replace(failure=f"it was made {how}" if how else None)
        if outcome.failure is not None:
            failures[folder.name] = outcome.failure
        on_outcome(outcome)
    return failures


def _otherwise(job: Job, folder: Path, data_of: DataOf, now: Mapping[str, Any]) -> str:
    """Say what a record was made from that is not so now; nothing if there is none."""
    summary = find_summary(folder)
    return "" if summary is None else summary.otherwise(data_of(job.config).fingerprint, now)


def _elsewhere(summary: Summary) -> list[str]:
    """Say where a run was made, if not here."""
    here, there = versions(), summary.versions
    changed = [f"{n} {there[n]}, now {here[n]}" for n in here if there.get(n, here[n]) != here[n]]
    if summary.device and summary.device != device():
        changed.append(f"{summary.device}, now {device()}")
    return [f"with {'; '.join(changed)}"] if changed else []


def _set_aside(folder: Path, fingerprint: str, now: Mapping[str, Any]) -> None:
    """Rename the folder of a run that was made otherwise, and take back the one made like this.

    Another sweep may do the same at the same time: what is there is looked at under the lock.
    """
    with contextlib.suppress(FileNotFoundError), folders.lock(folder, on_wait=lambda _: None):
        summary = find_summary(folder)
        if summary is None or not summary.otherwise(fingerprint, now):
            return
        before = summary.data.fingerprint if summary.data else ""
        there, kept = _aside(folder, before, summary.numerics), _aside(folder, fingerprint, now)
        shutil.rmtree(there, ignore_errors=True)  # The same run, of an earlier time.
        folder.rename(there)
        if kept.exists():
            kept.rename(folder)


def _aside(folder: Path, fingerprint: str, made: Mapping[str, Any]) -> Path:
    text = json.dumps([fingerprint, dict(made)], sort_keys=True)
    return folder.with_name(f"{folder.name}~{hashlib.sha256(text.encode()).hexdigest()[:8]}")
