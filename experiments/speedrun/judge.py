"""Which claims hold: the rule of significance, and that no seed was left out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from entries import Claim, Entry, changed, said_by


def holds(
    scores: Sequence[float], target: float, sigma: float, *, sigmas: float, higher: bool = False
) -> bool:
    r"""Tell whether the mean is beyond the target by more than the seeds explain.

    .. math::

        (\text{target} - \text{mean})\, \sqrt n \ge 3.09\, \sigma

    Args:
        scores: One of every seed.
        target: The level.
        sigma: Deviation of one seed.
        sigmas: How many of them; with 3.09 chance alone does it once in a thousand times.
        higher: Whether more is better.
    """
    beyond = (np.mean(scores) - target) * (1 if higher else -1)
    return bool(beyond * math.sqrt(len(scores)) >= sigmas * sigma)


def scores_of(log: Mapping[str, Any], score: str) -> list[float]:
    return [run["scores"][score] for run in log["runs"]]


def sigma_of(log: Mapping[str, Any] | None, score: str, *, seeds: int) -> float | None:
    """Return the deviation over the seeds of a baseline, ``None`` if there are too few."""
    if log is None or len(log["runs"]) < seeds:
        return None
    return float(np.std(scores_of(log, score), ddof=1))


def diverged(log: Mapping[str, Any]) -> list[int]:
    """Return the seeds that ended in a number that is not finite."""
    return [run["seed"] for run in log["runs"] if None in run["scores"].values()]


def objections(
    entry: Entry, log: Mapping[str, Any] | None, *, config: Mapping[str, Any], epochs: int
) -> list[str]:
    """Return why the log of an entry is no evidence, whatever its numbers are.

    Args:
        entry: What is said.
        log: What was measured.
        config: Its config, made anew.
        epochs: After how many, each with an evaluation, every run must have stopped.
    """
    if log is None:
        return ["there is no log."]
    found, seeds = [], [run["seed"] for run in log["runs"]]
    places = changed(log["identity"], config, said_by(entry))
    if places:
        found.append(f"the log is of another config, which differs in {', '.join(places)}.")
    if sorted(seeds) != list(range(entry.seeds)):
        found.append(
            f"the log must hold the seeds 0 to {entry.seeds - 1}, each once and no other, got "
            f"{seeds}: none may be left out or chosen."
        )
    for run in log["runs"]:
        if len(run["evaluations"]) != epochs and run["seed"] not in diverged(log):
            found.append(
                f"seed {run['seed']} must have stopped after {epochs} evaluations, not after "
                f"{len(run['evaluations'])}."
            )
    ends = {
        run["evaluations"][-1]["step"] for run in log["runs"] if run["seed"] not in diverged(log)
    }
    if len(ends) > 1:
        found.append("all runs must have stopped at the same step.")
    return found


def against(
    entry: Entry,
    claim: Claim,
    log: Mapping[str, Any],
    sigma: float | None,
    significance: Mapping[str, Any],
) -> str | None:
    """Return why a claim does not hold, ``None`` if it does.

    Args:
        entry: Who claims it; there is no objection to its log.
        claim: What is claimed.
        log: The log.
        sigma: Of the track and the score.
        significance: The section of the rules.
    """
    if entry.seeds < significance["fewest_seeds"]:
        return f"it has {entry.seeds} seeds, fewer than {significance['fewest_seeds']}."
    if diverged(log):
        return f"seed {', '.join(map(str, diverged(log)))} diverged."
    if sigma is None:
        return f"sigma is not known: it takes {significance['sigma_seeds']} seeds of the baseline."
    scores = scores_of(log, claim.score)
    options = {"sigmas": significance["sigmas"], "higher": claim.higher}
    if holds(scores, claim.target, sigma, **options):
        return None
    return (
        f"a mean {claim.score} of {np.mean(scores):.6g} over {len(scores)} seeds is not beyond "
        f"{claim.target:g} by {significance['sigmas']} sigma of {sigma:.3g}."
    )
