"""Whether the times of contenders can be compared."""

import datetime
from collections.abc import Sequence

import numpy as np

from ae_optax.lab._format import span
from ae_optax.lab.comparison._result import Result
from ae_optax.lab.runs import ContenderRun

UNSTEADY = 1.5
"""How many times the lower quartile of times the upper one may be: load has moved beyond that."""

IN_TURN = (0.3, 0.7)
"""Where in time, from 0 to 1, the runs of a contender may lie on average among those of all."""


def times_left_out(results: Sequence[Result]) -> str:
    """Say why contenders are not to be compared by time; nothing if they may be.

    Their runs must have been made in turn, and the times of each must be steady. A run that
    diverged may have ended early, and has no say; settings that differ in more than the rate may
    take times of their own.

    Args:
        results: From :func:`~ae_optax.lab.comparison.compare`.
    """
    timed = {result.label: result.runs for result in results if result.runs}
    starts = {label: [_at(run) for run in runs] for label, runs in timed.items()}
    everyone = np.sort([start for its in starts.values() for start in its])
    for label, its in starts.items():
        sides = (np.searchsorted(everyone, its, side=side) for side in ("left", "right"))
        place = np.mean(list(sides)) / len(everyone)
        if not IN_TURN[0] <= place <= IN_TURN[1]:
            when = "before" if place < IN_TURN[0] else "after"
            return (
                f"Times are left out: runs of {label} were made {when} the others', not in turn "
                "with them. Another `--out`, in an empty folder, makes all of them in turn."
            )
    for label, runs in timed.items():
        low, high = _middle_half(runs)
        if high > UNSTEADY * low:
            return (
                f"Times are left out: the load of the machine moved. The middle half of {label}'s "
                f"runs took {span(low, high)} of their median time."
            )
    return ""


def _at(run: ContenderRun) -> float:
    """Return when a run was made, in seconds; what is not known was before all."""
    try:
        return datetime.datetime.fromisoformat(run.started).timestamp()
    except ValueError:
        return -np.inf


def _middle_half(runs: Sequence[ContenderRun]) -> tuple[float, float]:
    """Return the quartiles of times over the median of those whose values are the same."""
    kept = [run for run in runs if not run.diverged and run.seconds > 0]
    ratios = [
        run.seconds / np.median([other.seconds for other in kept if other.values == run.values])
        for run in kept
    ]
    low, high = np.quantile(ratios or [1.0], (0.25, 0.75))
    return float(low), float(high)
