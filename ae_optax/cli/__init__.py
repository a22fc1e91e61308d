"""The command ``ae-optax``."""

from ae_optax.cli._main import main

__all__ = ["main"]
