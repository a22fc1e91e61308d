"""How a contender's last losses depend on its learning rate."""

from collections.abc import Mapping
from typing import Any

_DIGITS = 4


def losses_at_rates(contender: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the last test losses of a contender, for results and for a figure.

    Args:
        contender: Of the record of a comparison; it varies its learning rate alone.

    Returns:
        ``learning_rates`` in rising order, and ``test_loss`` with a list for each of them: a loss
        for each seed to four digits, ``None`` where the run diverged.
    """
    found: dict[float, list[float | None]] = {}
    for run in sorted(contender["runs"], key=lambda run: run["learning_rate"]):
        loss = None if run["diverged"] else float(f"{run['test_loss'][-1]:.{_DIGITS}g}")
        found.setdefault(run["learning_rate"], []).append(loss)
    return {"learning_rates": list(found), "test_loss": list(found.values())}
