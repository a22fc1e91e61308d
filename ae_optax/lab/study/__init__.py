"""Studies: a question, one command, and a page whose numbers come from a file of results."""

from ae_optax.lab.study._at_rates import best_cell, best_of, losses_at_rates
from ae_optax.lab.study._main import Measured, Picture, run
from ae_optax.lab.study._pca import pca
from ae_optax.lab.study._readme import table, write_blocks
from ae_optax.lab.study._rounded import rounded
from ae_optax.lab.study._runs import Trained, compare, overridden, sweep, train, train_with_state
from ae_optax.lab.study._train_seeds import train_seeds
from ae_optax.lab.study._window import rate_window

__all__ = [
    "Measured",
    "Picture",
    "Trained",
    "best_cell",
    "best_of",
    "compare",
    "losses_at_rates",
    "overridden",
    "pca",
    "rate_window",
    "rounded",
    "run",
    "sweep",
    "table",
    "train",
    "train_seeds",
    "train_with_state",
    "write_blocks",
]
