"""The command ``ae-optax``."""

from ae_optax.lab.cli._main import main
from ae_optax.lab.cli._terminal import safe_streams

__all__ = ["main", "safe_streams"]
