"""Reports: what a run folder holds, as a page, a table and pictures. Reads files only."""

from ae_optax.report._csv import write_table
from ae_optax.report._page import write_report
from ae_optax.report._run import loss_curve, reconstructions
from ae_optax.report._terminal import TerminalTable, terminal_table

__all__ = [
    "TerminalTable",
    "loss_curve",
    "reconstructions",
    "terminal_table",
    "write_report",
    "write_table",
]
