"""The rules of other frameworks, exactly: their names, their arguments, their numbers.

``compat.torch`` and ``compat.keras`` need neither PyTorch nor Keras. What is verified and how
closely is in ``experiments/parity/README.md``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ae_optax.compat import keras, torch

__all__ = ["keras", "torch"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"ae_optax.compat.{name}")
    raise AttributeError(f"module 'ae_optax.compat' has no attribute {name!r}")
