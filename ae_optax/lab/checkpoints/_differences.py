"""How a checkpoint differs from what it is to be restored into."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MOST = 10  # Lines shown; another model differs in all of them.


def differences(saved: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Return a line for each path whose text differs, in the order of ``saved``."""
    lines = []
    for path in [*saved, *(path for path in expected if path not in saved)]:
        if path not in expected:
            lines.append(f"{path}: saved {saved[path]}, expected nothing")
        elif path not in saved:
            lines.append(f"{path}: saved nothing, expected {expected[path]}")
        elif saved[path] != expected[path]:
            lines.append(f"{path}: saved {saved[path]}, expected {expected[path]}")
    return lines


def shown(lines: list[str]) -> str:
    """Return the first lines, indented, and how many there are besides."""
    more = [f"... and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "".join(f"\n  {line}" for line in [*lines[:MOST], *more])


def flat(values: Any, path: str = "") -> dict[str, str]:
    """Return JSON values as text by dotted path, such as ``{"data.name": '"mnist"'}``."""
    return dict(_flat(values, path))


def _flat(values: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(values, allow_nan=False)
