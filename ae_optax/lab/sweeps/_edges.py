"""Best values at an end of the numbers tried, beyond which better ones may lie."""

from collections.abc import Iterable, Mapping
from typing import Any

FEW = 3


def edges(tried: Iterable[Mapping[str, Any]], best: Mapping[str, Any]) -> dict[str, str]:
    """Return where the best values are the ``"lowest"`` or ``"highest"`` of at least three.

    Args:
        tried: The values of every trial, by name.
        best: Those of the best one.

    Returns:
        By name; words, and what was tried with fewer than three numbers, have no ends.
    """
    found, trials = {}, list(tried)
    for name, value in best.items():
        numbers = {trial[name] for trial in trials if is_number(trial.get(name))}
        if len(numbers) >= FEW and is_number(value):
            found[name] = {min(numbers): "lowest", max(numbers): "highest"}.get(value)
    return {name: edge for name, edge in found.items() if edge}


def is_number(value: Any) -> bool:
    """Tell whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
