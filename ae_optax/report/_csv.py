"""The verdict table as CSV, unrounded."""

import csv
from pathlib import Path
from typing import Any

from ae_optax.report._record import Record, ranked

_SPREAD = ("median", "lowest", "highest")


def write_table(record: Record, path: Path) -> None:
    """Write the verdict table as CSV, numbers in full, one contender a row, best first.

    Args:
        record: A comparison, as in ``comparison.json``.
        path: The file. UTF-8 with a header; what is absent is an empty field.
    """
    rows = [_row(contender) for _, contender in ranked(record)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=_row(None), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _row(contender: Record | None) -> dict[str, Any]:
    contender = contender or {}
    best = contender.get("best") or {}
    runs = contender.get("runs") or []
    lowest, highest = best.get("usable") or (None, None)
    return {
        "contender": contender.get("label"),
        **{f"final_test_{k}": best.get("final_test", {}).get(k) for k in _SPREAD},
        **{f"best_test_{k}": best.get("best_test", {}).get(k) for k in _SPREAD},
        "learning_rate": best.get("learning_rate"),
        "edge": best.get("edge"),
        "usable_lowest": lowest,
        "usable_highest": highest,
        "diverged_share": sum(r["diverged"] for r in runs) / len(runs) if runs else None,
        "runs": len(runs),
        "steps_to_target": best.get("steps_to_target"),
        "seconds_to_target": best.get("seconds_to_target"),
        "ms_per_step": contender.get("ms_per_step"),
        "compile_seconds": contender.get("compile_seconds"),
        "state_bytes_per_parameter": contender.get("state_bytes_per_parameter"),
        "failure": contender.get("failure"),
    }
