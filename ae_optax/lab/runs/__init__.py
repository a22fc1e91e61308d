"""What a run leaves: one writer and one reader for every file of its folder."""

from ae_optax.lab.runs._codec import from_json, to_json
from ae_optax.lab.runs._comparison import (
    Best,
    ComparisonRecord,
    ContenderRecord,
    ContenderRun,
    OverSeeds,
    Rank,
    Uncertainty,
    read_comparison,
    write_comparison,
)
from ae_optax.lab.runs._csv import csv_text
from ae_optax.lab.runs._files import (
    CHECKPOINTS,
    COMPARISON,
    CONFIG,
    LOG,
    PICTURES,
    REPORT,
    STEPS,
    SUMMARY,
    SWEEP,
    DamagedError,
    read_text,
    write_file,
)
from ae_optax.lab.runs._identity import run_id
from ae_optax.lab.runs._lock import LOCK, FolderInUseError, is_in_use, lock
from ae_optax.lab.runs._log import EpochRow, Log, Rows, make_row, read_rows
from ae_optax.lab.runs._pictures import read_pictures, write_pictures
from ae_optax.lab.runs._run import Run, damage, find_run, read_run, write_run
from ae_optax.lab.runs._steps import StepLog, Steps, read_steps
from ae_optax.lab.runs._summary import (
    DataRecord,
    Status,
    Summary,
    find_summary,
    read_summary,
    write_summary,
)
from ae_optax.lab.runs._sweep import SweepRecord, SweptRun, TrialRecord, read_sweep, write_sweep

__all__ = [
    "CHECKPOINTS",
    "COMPARISON",
    "CONFIG",
    "LOCK",
    "LOG",
    "PICTURES",
    "REPORT",
    "STEPS",
    "SUMMARY",
    "SWEEP",
    "Best",
    "ComparisonRecord",
    "ContenderRecord",
    "ContenderRun",
    "DamagedError",
    "DataRecord",
    "EpochRow",
    "FolderInUseError",
    "Log",
    "OverSeeds",
    "Rank",
    "Rows",
    "Run",
    "Status",
    "StepLog",
    "Steps",
    "Summary",
    "SweepRecord",
    "SweptRun",
    "TrialRecord",
    "Uncertainty",
    "csv_text",
    "damage",
    "find_run",
    "find_summary",
    "from_json",
    "is_in_use",
    "lock",
    "make_row",
    "read_comparison",
    "read_pictures",
    "read_rows",
    "read_run",
    "read_steps",
    "read_summary",
    "read_sweep",
    "read_text",
    "run_id",
    "to_json",
    "write_comparison",
    "write_file",
    "write_pictures",
    "write_run",
    "write_summary",
    "write_sweep",
]
