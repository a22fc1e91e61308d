"""What a run leaves: one writer and one reader for every file of its folder."""

from ae_optax.lab.runs._codec import from_json, to_json
from ae_optax.lab.runs._csv import csv_text
from ae_optax.lab.runs._files import (
    CHECKPOINTS,
    COMPARISON,
    CONFIG,
    LOG,
    PICTURES,
    REPORT,
    SUMMARY,
    SWEEP,
    DamagedError,
    read_text,
    write_file,
)
from ae_optax.lab.runs._identity import run_id
from ae_optax.lab.runs._lock import LOCK, FolderInUseError, lock
from ae_optax.lab.runs._log import EpochRow, Log, make_row, read_rows
from ae_optax.lab.runs._run import (
    DataRecord,
    Run,
    Status,
    Summary,
    find_run,
    find_summary,
    read_pictures,
    read_run,
    read_summary,
    write_pictures,
    write_run,
    write_summary,
)

__all__ = [
    "CHECKPOINTS",
    "COMPARISON",
    "CONFIG",
    "LOCK",
    "LOG",
    "PICTURES",
    "REPORT",
    "SUMMARY",
    "SWEEP",
    "DamagedError",
    "DataRecord",
    "EpochRow",
    "FolderInUseError",
    "Log",
    "Run",
    "Status",
    "Summary",
    "csv_text",
    "find_run",
    "find_summary",
    "from_json",
    "lock",
    "make_row",
    "read_pictures",
    "read_rows",
    "read_run",
    "read_summary",
    "read_text",
    "run_id",
    "to_json",
    "write_file",
    "write_pictures",
    "write_run",
    "write_summary",
]
