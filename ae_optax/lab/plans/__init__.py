"""Plans: what a config says is to be run, compared or swept, every default filled in."""

from ae_optax.lab.plans._comparison import ComparisonConfig, ComparisonSections, load_comparison
from ae_optax.lab.plans._contenders import Contender, Setting
from ae_optax.lab.plans._read import (
    Source,
    description,
    load_code,
    load_data,
    load_run,
    load_settings,
)
from ae_optax.lab.plans._run import Keep, RunConfig, TrainingSection, make_model, make_task
from ae_optax.lab.plans._sweep import Search, SweepConfig, SweepSections, Trial, load_sweep

SCHEMAS = (RunConfig, SweepSections, ComparisonSections)
"""What a file may hold: its sections, and below them their keys, are the fields."""

__all__ = [
    "SCHEMAS",
    "ComparisonConfig",
    "Contender",
    "Keep",
    "RunConfig",
    "Search",
    "Setting",
    "Source",
    "SweepConfig",
    "TrainingSection",
    "Trial",
    "description",
    "load_code",
    "load_comparison",
    "load_data",
    "load_run",
    "load_settings",
    "load_sweep",
    "make_model",
    "make_task",
]
