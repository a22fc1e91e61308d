"""``ae-optax report`` and ``ae-optax tensorboard``: what run folders hold, in other forms."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ae_optax.lab import comparison, report
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._folder import make_folder, write_json
from ae_optax.lab.cli._terminal import say

ENOUGH_FOR_A_PROFILE = 3


def report_on(arguments: argparse.Namespace) -> int:
    """Rebuild the reports of run folders, and join several; return the exit code."""
    folders = arguments.runs
    kinds = {_kind(folder) for folder in folders}
    if len(kinds) > 1:
        raise UsageError(
            f"{folders[0]}: runs of one kind only: all comparisons, or all training runs."
        )
    compared = kinds == {"comparison"}
    try:
        if len(folders) == 1:
            (folder,) = folders
            page = write_pages(folder) if compared else report.write_run_report(folder)
        else:
            folder = make_folder(arguments.out, "report")
            page = folder / "report.html"
            if compared:
                _join(folders, folder)
            else:
                report.write_runs_report(folders, page)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    say(f"Report: {page}")
    return OK


def write_events(arguments: argparse.Namespace) -> int:
    """Write the events of run folders for TensorBoard; return the exit code."""
    for folder in arguments.runs:
        _kind(folder)
        try:
            say(f"Events: {report.write_events(folder)}")
        except ImportError as error:
            hint = "pip install 'ae_optax[tensorboard]'"
            raise UsageError(f"tensorboard needs tensorboardX: {hint}") from error
        except (ValueError, FileNotFoundError) as error:
            raise UsageError(str(error)) from error
    return OK


def write_pages(folder: Path) -> Path:
    """Write tables and report of a comparison from its record; return the report's path."""
    record = report.read_record(folder / "comparison.json")
    report.write_table(record, folder / "table.csv")
    report.write_runs(record, folder / "runs.csv")
    report.write_epochs(record, folder / "epochs.csv")
    return report.write_report(folder)


def _join(folders: Sequence[Path], out: Path) -> None:
    profile = None
    if len(folders) >= ENOUGH_FOR_A_PROFILE:
        profile = {
            unit: comparison.performance_profile(_times(folders, f"{unit}_to_target"))
            for unit in ("seconds", "steps")
        }
        write_json(out / "profile.json", profile)
    report.write_joint_report(folders, out / "report.html", profile=profile)


def _times(folders, key):
    return {
        label: {c["label"]: c["best"] and c["best"][key] for c in _record(folder)["contenders"]}
        for label, folder in zip(report.labels_of(folders), folders, strict=True)
    }


def _record(folder):
    return report.read_record(folder / "comparison.json")


def _kind(folder: Path) -> str:
    if (folder / "comparison.json").exists():
        return "comparison"
    if (folder / "summary.json").exists():
        return "train"
    raise UsageError(f"{folder}: holds no run: there must be comparison.json or summary.json.")
