"""The command ``ae-optax``."""

from ae_optax.lab.cli._main import main

__all__ = ["main"]
