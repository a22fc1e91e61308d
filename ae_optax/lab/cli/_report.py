"""``ae-optax report`` and ``ae-optax tensorboard``: what run folders hold, in other forms."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ae_optax.lab import comparison, report, runs
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._folder import make_folder, one_line
from ae_optax.lab.cli._terminal import say, warn

ENOUGH_FOR_A_PROFILE = 3


def report_on(arguments: argparse.Namespace) -> int:
    """Rebuild the reports of run folders, and join several; return the exit code.

    Sweeps have a report each.
    """
    found: dict[str, list[Path]] = {}
    for folder, kind in _kinds(arguments.runs):
        found.setdefault(kind, []).append(folder)
    sweeps = found.pop("sweep", [])
    if len(found) > 1:
        # A pattern such as `runs/*` names comparisons and the runs that they are made of.
        alone = found.pop("train")
        warn([f"{len(alone)} training runs are left out beside comparisons: name them alone."])
    if arguments.out is not None and all(len(folders) == 1 for folders in found.values()):
        raise UsageError(
            "--out is for the page of several runs or comparisons: that of a single one, or of a "
            "sweep, is written into its folder. Leave it out."
        )
    for folder in sweeps:
        _write(arguments, [folder], "sweep")  # Nothing that two sweeps vary could be one page.
    for kind, folders in found.items():
        _write(arguments, folders, kind)
    return OK


def _write(arguments: argparse.Namespace, folders: Sequence[Path], kind: str) -> None:
    """Write the report of folders of one kind, and say where."""

    def write():
        if len(folders) == 1:
            of_kind = {
                "comparison": write_pages,
                "sweep": report.write_sweep_report,
                "train": report.write_run_report,
            }
            return of_kind[kind](folders[0])
        page = make_folder(arguments.out, "report") / runs.REPORT
        if kind == "comparison":
            _join(folders, page)
        else:
            report.write_runs_report(folders, page)
        return page

    try:
        # A number that is too large for a figure is seen there, or told as an error.
        with one_line(), np.errstate(all="ignore"):
            page = report.write_with_files(write) if arguments.files else write()
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        # Each number is of its kind, but together they are of no run: a list cut short, say.
        places, reason = ", ".join(map(str, folders)), f"{type(error).__name__}: {error}"
        raise UsageError(f"{places}: what is recorded contradicts itself: {reason}.") from error
    say(f"Report: {page}")


def write_events(arguments: argparse.Namespace) -> int:
    """Write the events of run folders for TensorBoard; return the exit code."""
    for folder, _ in _kinds(arguments.runs):
        try:
            with one_line():
                say(f"Events: {report.write_events(folder)}")
        except ImportError as error:
            hint = "pip install 'ae_optax[tensorboard]'"
            raise UsageError(f"tensorboard needs tensorboardX: {hint}") from error
    return OK


def write_pages(folder: Path) -> Path:
    """Write tables and report of a comparison from its record; return the report's path."""
    record = runs.read_comparison(folder)
    report.write_table(record, folder / "table.csv")
    report.write_runs(record, folder / "runs.csv")
    report.write_epochs(record, folder / "epochs.csv")
    return report.write_report(folder)


def _join(folders: Sequence[Path], page: Path) -> None:
    records = [runs.read_comparison(folder) for folder in folders]
    profile = None
    if len(folders) >= ENOUGH_FOR_A_PROFILE:
        labels = report.labels_of(folders)
        left_out = any(record.times_left_out for record in records)
        profile = {
            unit: comparison.performance_profile(_times(labels, records, f"{unit}_to_target"))
            for unit in (("steps",) if left_out else ("seconds", "steps"))
        }
        text = json.dumps(profile, indent=1, allow_nan=False)
        runs.write_file(page.with_name("profile.json"), f"{text}\n")
    report.write_joint_report(folders, page, profile=profile)


def _times(labels, records, key):
    return {
        label: {c.label: c.best and getattr(c.best, key) for c in record.contenders}
        for label, record in zip(labels, records, strict=True)
    }


def _kinds(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return what folders hold, those without a run left out with a warning, if others have one.

    A pattern such as ``runs/*`` names sweeps and stray files as well.
    """
    kinds = {runs.COMPARISON: "comparison", runs.SUMMARY: "train", runs.SWEEP: "sweep"}
    found, none = [], []
    for folder in folders:
        kind = next((kind for file, kind in kinds.items() if (folder / file).exists()), None)
        if kind is None:
            none.append(f"{folder}: holds no run: there must be {' or '.join(kinds)}.")
        else:
            found.append((folder, kind))
    if not found:
        raise UsageError(none[0])
    warn(none)
    return found
