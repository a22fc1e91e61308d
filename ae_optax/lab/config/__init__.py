"""Configs: YAML files resolved against the signatures of the functions they name."""

from ae_optax.lab.config._call import Call
from ae_optax.lab.config._comparison import ComparisonConfig, Contender, Setting
from ae_optax.lab.config._data import load_data
from ae_optax.lab.config._dump import dump
from ae_optax.lab.config._load import description, load_comparison, load_run, load_sweep
from ae_optax.lab.config._namespaces import catalogue, kinds
from ae_optax.lab.config._problems import ConfigError, Problem
from ae_optax.lab.config._schema import RunConfig, SweepConfig, Trial
from ae_optax.lab.config._search import Search
from ae_optax.lab.config._task import make_task
from ae_optax.lab.config._types import Kind

__all__ = [
    "Call",
    "ComparisonConfig",
    "ConfigError",
    "Contender",
    "Kind",
    "Problem",
    "RunConfig",
    "Search",
    "Setting",
    "SweepConfig",
    "Trial",
    "catalogue",
    "description",
    "dump",
    "kinds",
    "load_comparison",
    "load_data",
    "load_run",
    "load_sweep",
    "make_task",
]
