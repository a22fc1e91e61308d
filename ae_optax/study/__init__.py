"""Studies: a question, one command, and a page whose numbers come from a file of results."""

from ae_optax.study._at_rates import losses_at_rates
from ae_optax.study._main import Measured, Picture, run
from ae_optax.study._readme import table, write_blocks
from ae_optax.study._runs import compare, overridden, sweep, train

__all__ = [
    "Measured",
    "Picture",
    "compare",
    "losses_at_rates",
    "overridden",
    "run",
    "sweep",
    "table",
    "train",
    "write_blocks",
]
