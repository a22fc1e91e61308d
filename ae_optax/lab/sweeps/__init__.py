"""Sweeps: many runs, compiled once, done here or elsewhere, each recorded in a folder."""

from ae_optax.lab.sweeps._complete import complete
from ae_optax.lab.sweeps._in_process import in_process
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._keeping import Keeper, kept_of
from ae_optax.lab.sweeps._optuna import journal_of, make_study, search
from ae_optax.lab.sweeps._ray import ray_cluster
from ae_optax.lab.sweeps._store import DataOf, build_once, folder_of
from ae_optax.lab.sweeps._subprocesses import subprocesses
from ae_optax.lab.sweeps._table import at_edge_of_grid, sweep_record, sweep_table

__all__ = [
    "DataOf",
    "Executor",
    "Job",
    "Keeper",
    "Outcome",
    "at_edge_of_grid",
    "build_once",
    "complete",
    "folder_of",
    "in_process",
    "journal_of",
    "kept_of",
    "make_study",
    "ray_cluster",
    "search",
    "subprocesses",
    "sweep_record",
    "sweep_table",
]
