"""What is missing is done; what is there is taken as it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ae_optax.lab.runs import find_run
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import folder_of


def complete(
    jobs: Sequence[Job],
    runs: Path,
    execute: Executor,
    *,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> dict[str, str]:
    """Do the jobs whose records are missing.

    Args:
        jobs: All of them.
        runs: The folder below which each has its own.
        execute: What does them.
        on_outcome: Called with each outcome as soon as it is known; those that need not be done
            come first.

    Returns:
        Why jobs failed, by the names of their folders; what failed is done by the next call.
    """
    missing = []
    for job in jobs:
        if find_run(folder_of(job.config, runs)) is None:
            missing.append(job)
        else:
            on_outcome(Outcome(job))
    failures = {}
    for outcome in execute(missing, runs) if missing else ():
        if outcome.failure is not None:
            failures[folder_of(outcome.job.config, runs).name] = outcome.failure
        on_outcome(outcome)
    return failures
