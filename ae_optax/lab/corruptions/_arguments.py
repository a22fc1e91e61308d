"""Checks that only corruptions need."""

from typing import Any

from ae_optax._checks import check_number, is_plain_number


def check_share(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless ``value`` lies in [0, 1]."""
    check_number(name, value)
    if is_plain_number(value) and not 0 <= value <= 1:
        raise ValueError(f"`{name}` must lie in [0, 1], got {value!r}.")
