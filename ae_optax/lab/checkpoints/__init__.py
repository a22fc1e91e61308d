"""Checkpoints: a state and what belongs to it, saved beside training and verified when read."""

from ae_optax.lab.checkpoints._checkpoints import Checkpoints
from ae_optax.lab.checkpoints._error import CheckpointError
from ae_optax.lab.checkpoints._restore import Restored, Skipped

__all__ = ["CheckpointError", "Checkpoints", "Restored", "Skipped"]
