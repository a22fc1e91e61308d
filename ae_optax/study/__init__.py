"""Studies: a question, one command, and a page whose numbers come from a file of results."""

from ae_optax.study._at_rates import losses_at_rates
from ae_optax.study._main import Measured, Picture, run
from ae_optax.study._pca import pca
from ae_optax.study._readme import table, write_blocks
from ae_optax.study._runs import Trained, compare, overridden, sweep, train, trained

__all__ = [
    "Measured",
    "Picture",
    "Trained",
    "compare",
    "losses_at_rates",
    "overridden",
    "pca",
    "run",
    "sweep",
    "table",
    "train",
    "trained",
    "write_blocks",
]
