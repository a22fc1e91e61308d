"""What memory data, training, evaluation, saving and restoring take at most beyond the start."""

from pathlib import Path

from workers import rounds

from ae_optax.lab.data import DataError, mnist

# The most that each should take, in units of what it is about.
LIMITS = {
    "saving": 1.3,
    "restoring": 1.3,
    "verifying": 0.4,
    "loading": 1.0,
    "moving": 0.3,
    "values": 1.1,
    "dividing": 1.1,
    "fitting": 1.5,
    "training": 5.0,
    "evaluating": 1.0,
}
WORKERS = ("keeping", "loading", "dividing", "fitting", "training", "evaluating")


def measure(quick):
    """Return the peaks of all, each measured in a process of its own, and why some are missing."""
    if not Path("/proc/self/clear_refs").exists():
        return {"skipped": {"all": "only Linux tells the peak of a part of a process"}}
    contenders = dict.fromkeys(WORKERS, "")
    try:
        mnist()
        missing = {}
    except DataError as error:
        missing = {name: str(error) for name in ("loading", "fitting")}
        contenders = {name: "" for name in WORKERS if name not in missing}
    number = 1 if quick else 3
    arguments = ["--quick"] * quick
    lines, skipped = rounds("memory_worker.py", contenders, arguments, number=number, part="memory")
    found = {}
    for its in lines.values():
        for what in its[0]:
            peaks = sorted(line[what]["peak"] for line in its)
            unit = its[0][what]["unit"]
            found[what] = {"unit": unit, "peaks": peaks, "limit": LIMITS[what]}
    return {"rounds": number, "skipped": skipped | missing, "found": found}
