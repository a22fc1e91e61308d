"""What a run is called: a hash of all that decides its numbers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LENGTH = 12


def run_id(plain: Mapping[str, Any]) -> str:
    """Return the name of a run: twelve hexadecimal digits of the SHA-256 of its config.

    Args:
        plain: The config in plain values, every default written, as ``config.plain()`` gives it.
            Neither the order of its keys nor the way a number is written counts.
    """
    text = json.dumps(_canonical(plain), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _canonical(value):
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # `1` and `1.0` in a config are one number.
    return value
