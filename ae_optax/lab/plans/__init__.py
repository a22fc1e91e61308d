"""Plans: what a config says is to be run, compared or swept, every default filled in."""

from ae_optax.lab.plans._comparison import ComparisonConfig, Contender, Setting, load_comparison
from ae_optax.lab.plans._run import RunConfig, description, load_data, load_run, make_task
from ae_optax.lab.plans._sweep import Search, SweepConfig, Trial, load_sweep

__all__ = [
    "ComparisonConfig",
    "Contender",
    "RunConfig",
    "Search",
    "Setting",
    "SweepConfig",
    "Trial",
    "description",
    "load_comparison",
    "load_data",
    "load_run",
    "load_sweep",
    "make_task",
]
