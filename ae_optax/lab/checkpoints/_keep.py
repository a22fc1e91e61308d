"""Which checkpoints to keep."""

from collections.abc import Mapping, Sequence


def outlived(saved: Sequence[int], keep: int, metrics: Mapping[int, float | None]) -> list[int]:
    """Return the steps to delete: not among the newest ``keep``, nor that of the lowest metric.

    Args:
        saved: The steps, in order.
        keep: How many of the newest to keep.
        metrics: The metrics by step; ``None`` is never the best, nor is a step that is missing.
            Of equal ones the first is the best.
    """
    measured = [(metric, step) for step in saved if (metric := metrics.get(step)) is not None]
    kept = {*saved[-keep:], *(step for _, step in sorted(measured)[:1])}
    return [step for step in saved if step not in kept]
