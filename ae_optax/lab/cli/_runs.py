"""``ae-optax runs``: what a folder of runs holds."""

import argparse
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from ae_optax.lab import runs
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._terminal import say, show


def list_runs(arguments: argparse.Namespace) -> int:
    """Print what lies in a folder, by name: runs, comparisons, sweeps and how they ended."""
    folder = arguments.folder
    try:
        places = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read: {error.strerror}.") from error
    rows = [(place.name, *told) for place in places if (told := _tell(place)) is not None]
    if not rows:
        say(f"{folder}: holds no runs.")
        return OK
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for name in ("name", "kind", "status", "best"):
        table.add_column(name, overflow="fold")
    table.add_column("test loss", justify="right")
    for row in rows:
        table.add_row(*map(Text, row))
    show(table)
    return OK


def _tell(folder: Path) -> tuple[str, str, str, str] | None:
    """Return kind, status, what is best in it and the test loss of what lies in a folder."""
    for file, tell in TELL.items():
        if (folder / file).exists():
            try:
                return tell(folder)
            except (OSError, runs.DamagedError) as error:
                return "?", f"damaged: {error}", "", ""
    return None


def _tell_comparison(folder):
    contenders = runs.read_comparison(folder).contenders
    ended = [(c.best.rank.place, c.label, c.best.final_test.median) for c in contenders if c.best]
    status = "done" if len(ended) == len(contenders) else f"{len(ended)} of {len(contenders)} done"
    _, label, loss = min(ended, default=(1.0, "", None))
    return "comparison", status, label, "" if loss is None else f"{loss:.5f}"


def _tell_sweep(folder):
    trials = runs.read_sweep(folder).trials
    made = [run for trial in trials for run in trial.runs]
    failed = sum(run.status == "failed" for run in made)
    status = f"{failed} of {len(made)} failed" if failed else "done"
    best = trials[0]
    values = ", ".join(f"{path}={value}" for path, value in best.values.items())
    return "sweep", status, values, "" if best.test_loss is None else f"{best.test_loss:.5f}"


def _tell_run(folder):
    summary = runs.read_summary(folder)
    epochs = f"epoch {summary.last.epoch}" if summary.last else ""
    loss = f"{summary.loss('test'):.5f}" if summary.last else ""
    killed = summary.status == "running" and not runs.is_in_use(folder)
    return "run", "killed" if killed else summary.status, epochs, loss


TELL = {runs.COMPARISON: _tell_comparison, runs.SWEEP: _tell_sweep, runs.SUMMARY: _tell_run}
