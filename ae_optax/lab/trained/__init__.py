"""The way out: what was trained, loaded from its folder, used, and taken elsewhere."""

from ae_optax.lab.trained._model import TrainedModel
from ae_optax.lab.trained._program import write_program
from ae_optax.lab.trained._run import TrainedRun, load
from ae_optax.lab.trained._torch import import_torch, transposed_convolution
from ae_optax.lab.trained._weights import read_weights, write_weights

__all__ = [
    "TrainedModel",
    "TrainedRun",
    "import_torch",
    "load",
    "read_weights",
    "transposed_convolution",
    "write_program",
    "write_weights",
]
