"""Run folders: what a run leaves behind, as files, and who may write them."""

from ae_optax.lab.runs._csv import csv_text
from ae_optax.lab.runs._files import read_json, write_atomically, write_whole
from ae_optax.lab.runs._identity import run_id
from ae_optax.lab.runs._lock import LOCK, FolderInUseError, lock
from ae_optax.lab.runs._metrics_log import MetricsLog, read_rows

__all__ = [
    "LOCK",
    "FolderInUseError",
    "MetricsLog",
    "csv_text",
    "lock",
    "read_json",
    "read_rows",
    "run_id",
    "write_atomically",
    "write_whole",
]
