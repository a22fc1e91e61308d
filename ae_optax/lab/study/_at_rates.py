"""How a contender's last losses depend on its learning rate."""

from collections.abc import Mapping
from typing import Any

from ae_optax.lab.figures import number, rate
from ae_optax.lab.runs import ContenderRecord, to_json

_DIGITS = 4


def best_of(contender: ContenderRecord) -> dict[str, Any]:
    """Return what a study keeps of a contender that varies its learning rate alone.

    Args:
        contender: Of the record of a comparison; at one rate at least it did not diverge.

    Returns:
        The ``learning_rate`` that was chosen, the last ``test_loss`` there, as ``median``,
        ``lowest`` and ``highest`` over the seeds, and ``at_rates``, of :func:`losses_at_rates`.
    """
    best = contender.best
    assert best is not None, "a contender that diverged at every rate has no best"
    return {
        "learning_rate": best.learning_rate,
        "test_loss": to_json(best.final_test),
        "at_rates": losses_at_rates(contender),
    }


def best_cell(best: Mapping[str, Any]) -> str:
    """Write what :func:`best_of` returned as the cell of a table: loss, range and rate."""
    loss = best["test_loss"]
    low, median, high = (number(loss[key]) for key in ("lowest", "median", "highest"))
    return f"{median}, {low}–{high} ({rate(best['learning_rate'])})"


def losses_at_rates(contender: ContenderRecord) -> dict[str, list[Any]]:
    """Return the last test losses of a contender, for results and for a figure.

    Args:
        contender: Of the record of a comparison; it varies its learning rate alone.

    Returns:
        ``learning_rates`` in rising order, and ``test_loss`` with a list for each of them: a loss
        for each seed to four digits, ``None`` where the run diverged.
    """
    found: dict[float, list[float | None]] = {}
    for run in sorted(contender.runs, key=lambda run: run.learning_rate):
        loss = None if run.diverged else float(f"{run.test_loss[-1]:.{_DIGITS}g}")
        found.setdefault(run.learning_rate, []).append(loss)
    return {"learning_rates": list(found), "test_loss": list(found.values())}
