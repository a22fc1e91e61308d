"""Sums of losses."""

from collections.abc import Sequence
from typing import Any

from ae_optax.lab.losses._loss import Loss


def total(terms: Sequence[Loss]) -> Loss:
    """Add losses, usually one of pixels and some penalties.

    Args:
        terms: The losses, at least one. Of two that name a term alike, the later one's is
            reported with a number: ``l2_penalty_2``.

    Returns:
        A loss with the terms and reports of all.

    Raises:
        ValueError: If there are no losses, or one expects pixel values and another logits, or codes
            in one range and another in another.
    """
    if not terms:
        raise ValueError("`terms` must have at least one loss, got none.")
    expected: list[Any] = [loss.expects for loss in terms if loss.expects is not None]
    if len(set(expected)) > 1:
        found = " and of ".join(dict.fromkeys(expected))
        raise ValueError(f"`terms` must agree on what the output is, got losses of {found}.")
    ranges = {loss.code_range for loss in terms if loss.code_range is not None}
    if len(ranges) > 1:
        found = " and ".join(f"[{low:g}, {high:g}]" for low, high in sorted(ranges))
        raise ValueError(f"`terms` must agree on the range of the code, got {found}.")
    # What has no distribution, a penalty, is no part of the draws' loss.
    drawn = [loss.sampled for loss in terms if loss.sampled is not None]
    readers = [loss.reconstruct for loss in terms if loss.reconstruct is not None]

    return Loss(
        terms=lambda seen: _joined([loss.terms(seen) for loss in terms]),
        reconstruct=readers[0] if readers else None,
        expects=expected[0] if expected else None,
        report=lambda seen: _joined([loss.report(seen) for loss in terms]),
        sampled=drawn[0] if len(drawn) == 1 else None,
        code_range=next(iter(ranges), None),
    )


def _joined(mappings):
    joined = {}
    for mapping in mappings:
        for name, value in mapping.items():
            number, free = 1, name
            while free in joined:
                number += 1
                free = f"{name}_{number}"
            joined[free] = value
    return joined
