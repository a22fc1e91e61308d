"""How a training run has ended, told from what its folder holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ae_optax.lab import report, runs


def conclude(folder: Path) -> None:
    """Write the report of the run in a folder, and print how the run has ended.

    Raises:
        OSError: If the report cannot be written.
    """
    page = report.write_run_report(folder)
    summary = runs.read_json(folder / "summary.json")
    print(_last_words(summary, runs.read_rows(folder / "metrics.jsonl")))
    print(f"Report: {page}")


def _last_words(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    status, fault = summary["status"], summary.get("fault")
    if status == "diverged":
        where = f"{fault} not finite" if fault else "a loss is not finite"
        return f"diverged in epoch {len(rows) + 1}, {where}. Lower the learning rate."
    if not rows:
        return "interrupted before the first epoch was done"
    last = rows[-1]
    steps = last["step"] / sum(row["seconds"] for row in rows)
    how = "" if status == "done" else f"{status}: "
    return f"{how}test loss {last['test_loss']:.5f} after {last['step']} steps, {steps:.0f} steps/s"
