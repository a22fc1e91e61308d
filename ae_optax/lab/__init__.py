"""The laboratory: autoencoders, losses, data, training, comparisons and what they leave behind.

It stands on the library, which knows nothing of it, and needs ``pip install "ae_optax[lab]"``.
Each package is imported when it is first used. ``load("runs/a")`` gives back what was trained.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ae_optax.lab import (
        checkpoints,
        cli,
        comparison,
        config,
        corruptions,
        data,
        figures,
        landscapes,
        losses,
        metrics,
        models,
        plans,
        report,
        runs,
        study,
        sweeps,
        trained,
        training,
    )
    from ae_optax.lab.trained import load

__all__ = [
    "checkpoints",
    "cli",
    "comparison",
    "config",
    "corruptions",
    "data",
    "figures",
    "landscapes",
    "load",
    "losses",
    "metrics",
    "models",
    "plans",
    "report",
    "runs",
    "study",
    "sweeps",
    "trained",
    "training",
]


def __getattr__(name: str) -> Any:
    if name == "load":
        return importlib.import_module("ae_optax.lab.trained").load
    if name in __all__:
        return importlib.import_module(f"ae_optax.lab.{name}")
    raise AttributeError(f"module 'ae_optax.lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
