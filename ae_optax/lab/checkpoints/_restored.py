"""What a restored checkpoint holds."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Skipped(NamedTuple):
    """A checkpoint that could not be read.

    Attributes:
        step: Its step.
        reason: What is wrong with it; names the damaged leaf where one is.
    """

    step: int
    reason: str


class Restored(NamedTuple):
    """A checkpoint that was read and verified.

    Attributes:
        state: Like the template, every bit as it was saved.
        step: The step it was saved at.
        extra: The JSON values that were saved with it.
        skipped: The newer checkpoints that are damaged, newest first.
    """

    state: Any
    step: int
    extra: Mapping[str, Any]
    skipped: tuple[Skipped, ...]
