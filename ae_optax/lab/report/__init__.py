"""Reports: what run folders hold, as pages, tables and events. Reads files only."""

from ae_optax.lab.report._comparison_page import write_report
from ae_optax.lab.report._files import write_with_files
from ae_optax.lab.report._joint_page import write_joint_report
from ae_optax.lab.report._run_facts import labels_of
from ae_optax.lab.report._run_page import write_run_report
from ae_optax.lab.report._runs_page import write_runs_report
from ae_optax.lab.report._sweep_page import write_sweep_report
from ae_optax.lab.report._tables import write_epochs, write_runs, write_table
from ae_optax.lab.report._tensorboard import write_events
from ae_optax.lab.report._terminal_table import TerminalTable, terminal_table

__all__ = [
    "TerminalTable",
    "labels_of",
    "terminal_table",
    "write_epochs",
    "write_events",
    "write_joint_report",
    "write_report",
    "write_run_report",
    "write_runs",
    "write_runs_report",
    "write_sweep_report",
    "write_table",
    "write_with_files",
]
