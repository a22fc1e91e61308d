"""What is told on the terminal."""

import sys
from collections.abc import Iterable


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to the standard error, one a line."""
    for text in warnings:
        print(f"warning: {text}", file=sys.stderr)
