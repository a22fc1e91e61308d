"""Libraries that only some data sets need."""

import importlib
from types import ModuleType

from ae_optax.lab.data._errors import DataError


def optional(module: str, *, package: str, purpose: str, extra: str = "data") -> ModuleType:
    """Import a library that may not be installed.

    Args:
        module: What is imported.
        package: What is installed.
        purpose: What needs it, with which the message begins.
        extra: That of this package which brings it.

    Raises:
        DataError: If it is not installed, with the way out.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            f'{purpose} needs {package}, which is not installed: `pip install "ae_optax[{extra}]"`.'
        ) from error
