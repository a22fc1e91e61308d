"""Performance profiles: how often a contender is nearly as fast as the fastest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

LARGEST = 4.0

Times = Mapping[str, Mapping[str, float | None]]


def performance_profile(times: Times) -> dict[str, dict[str, Any]]:
    r"""Return each contender's performance profile over workloads.

    With :math:`t_{s,w}` the time in which contender :math:`s` reaches the target of workload
    :math:`w`,

    .. math::

        r_{s,w} &= t_{s,w} \,/\, \min_{s'} t_{s',w} \\
        \rho_s(\tau) &= \frac1n \left|\{w : r_{s,w} \le \tau\}\right| \\
        B_s &= \frac1{\tau_\mathrm{max} - 1}
            \int_1^{\tau_\mathrm{max}} \rho_s(\tau) \, d\tau
            \qquad \tau_\mathrm{max} = 4

    the profile :math:`\rho_s(\tau)` is the share of the workloads whose target the contender
    reaches within :math:`\tau` times the fastest one's time: at 1 the share at which it is the
    fastest, far on the right the share at which it arrives at all.

    Args:
        times: By workload and contender, in any one unit; ``None`` where the target was not
            reached. A contender missing from a workload did not reach it.

    Returns:
        By contender, in the order in which they are first named: ``ratios`` by workload (``None``
        for infinite), ``factors`` and ``shares``, the places and heights of the profile's steps,
        and ``score``, :math:`B_s`.

    References:
        Dolan and Moré, `Benchmarking Optimization Software with Performance Profiles
        <https://doi.org/10.1007/s101070100263>`_, Mathematical Programming 91, 2002.

        Dahl et al., `Benchmarking Neural Network Training Algorithms
        <https://arxiv.org/abs/2306.07179>`_, 2023.
    """
    names = list(dict.fromkeys(name for row in times.values() for name in row))
    profiles = {}
    for name in names:
        ratios = {workload: _ratio(row, name) for workload, row in times.items()}
        finite = np.sort([r for r in ratios.values() if np.isfinite(r)])
        factors = np.unique(finite)
        shares = np.searchsorted(finite, factors, side="right") / len(times)
        covered = np.maximum(0, LARGEST - finite).sum() / (LARGEST - 1)
        profiles[name] = {
            "ratios": {w: float(r) if np.isfinite(r) else None for w, r in ratios.items()},
            "factors": factors.tolist(),
            "shares": shares.tolist(),
            "score": float(covered / len(times)),
        }
    return profiles


def _ratio(row, name):
    time = row.get(name)
    if time is None:
        return np.inf
    fastest = min(t for t in row.values() if t is not None)
    # A target that is met before the first step takes no time.
    return time / fastest if fastest > 0 else (1.0 if time == fastest else np.inf)
