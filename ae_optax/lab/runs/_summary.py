"""How a training run ended, and where its numbers come from."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ae_optax.lab.runs._codec import from_json, to_json
from ae_optax.lab.runs._files import (
    LOG,
    PICTURES,
    STEPS,
    SUMMARY,
    DamagedError,
    digest,
    read_record,
    write_record,
)
from ae_optax.lab.runs._log import EpochRow

Status = Literal["running", "done", "diverged", "stopped", "out of time", "interrupted"]


@dataclass(frozen=True)
class DataRecord:
    """What a record says of a data set.

    Attributes:
        name: Its name.
        source: Where it is from, a path for instance.
        fingerprint: SHA-256 of all images, in hexadecimal.
        attribution: Whose it is, and under which licence.
        train: How many training images.
        validation: How many validation images.
        test: How many test images.
        shape: Of an image: height, width and perhaps channels; of a vector its length.
        passed_over: What lay there and was not taken, in words.
        scaling: How values were made of the numbers s of the source, (s - offset) / scale, and by
            what.
        classes: Names of what labels tell.
    """

    name: str
    source: str
    fingerprint: str
    attribution: str
    train: int
    validation: int
    test: int
    shape: Sequence[int]
    passed_over: str = ""
    scaling: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Summary:
    """How a training run ended, and where its numbers come from.

    Attributes:
        status: ``"running"`` until the end is known, also of a process that died;
            ``"interrupted"`` by a signal; ``"diverged"``: something was not finite; ``"stopped"``:
            the patience was at its end; ``"out of time"``; ``"done"``.
        command: What was typed; empty if no command made it.
        started: When that began, as ISO 8601 with the zone; empty if it was not written down.
        seeds: The seed.
        versions: Of the packages, by name.
        device: What it ran on.
        numerics: What else changed its numbers, by name: settings of JAX, and ``arithmetic``, the
            number of this package's own; none if it was not written down.
        data: The data; ``None`` if it was not written down.
        parameters: How many the model has; ``None`` likewise.
        untrained: What was measured before training, by name.
        fault: The first step that was not finite, in words, or ``None``.
        step: Steps done to the state that is kept, those of an epoch that was not finished among
            them; ``None`` until the end is known. With ``patience`` it is the end of the epoch with
            the lowest validation loss.
        last: The last row of the log up to that step; ``None`` if no epoch is done.
        best_test_loss: The lowest after any epoch; ``None`` if none was finite.
        training_seconds: Spent on training and evaluation, by all commands together.
        compile_seconds: Spent on compilation by the last command; of runs that share a program,
            what that took.
        wall_seconds: From start to end of the last command; ``None`` of runs made side by side.
        files: SHA-256 of logs and pictures as they were at the end, by name.
    """

    status: Status
    command: str = ""
    started: str = ""
    seeds: Sequence[int] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    numerics: Mapping[str, Any] = field(default_factory=dict)
    data: DataRecord | None = None
    parameters: int | None = None
    untrained: Mapping[str, float] = field(default_factory=dict)
    fault: str | None = None
    step: int | None = None
    last: EpochRow | None = None
    best_test_loss: float | None = None
    training_seconds: float = 0.0
    compile_seconds: float = 0.0
    wall_seconds: float | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        """Whether something was not finite."""
        return self.status == "diverged"

    @property
    def has_ended(self) -> bool:
        """Whether the run has come to its end, be it a bad one."""
        return self.status not in ("running", "interrupted")

    def loss(self, part: str) -> float:
        """Return the last loss of ``train``, ``validation`` or ``test``; NaN if there is none."""
        return math.nan if self.last is None else getattr(self.last, f"{part}_loss")

    def otherwise(self, fingerprint: str, numerics: Mapping[str, Any]) -> str:
        """Say what the run was made from that is not so now; nothing if it would be the same run.

        Args:
            fingerprint: Of the images that there are now.
            numerics: As in the attribute, what is in force now.
        """
        if self.data is not None and self.data.fingerprint != fingerprint:
            there, here = self.data.fingerprint[:12], fingerprint[:12]
            return f"on other images, of fingerprint {there} there and {here} here"
        changed = [
            f"{name} {there} there and {numerics[name]} here"
            for name, there in self.numerics.items()
            if name in numerics and numerics[name] != there
        ]
        return f"with {', '.join(changed)}" if changed else ""

    def ended(
        self, rows: Sequence[EpochRow], status: Status, *, step: int, **how: Any
    ) -> "Summary":
        """Return the summary of a run at its end.

        Args:
            rows: All of them.
            status: How it ended.
            step: Steps done to the state that it ended in.
            **how: What else is known now, by the names of attributes.
        """
        losses = (row.test_loss for row in rows)
        ended_in = [row for row in rows if row.step <= step]
        return dataclasses.replace(
            self,
            status=status,
            step=step,
            last=ended_in[-1] if ended_in else None,
            best_test_loss=min(filter(math.isfinite, losses), default=None),
            training_seconds=sum(row.seconds for row in rows),
            **how,
        )


def write_summary(folder: Path, summary: Summary, *, durable: bool = True) -> None:
    """Write how the run in a folder ended, and the digests of what it has left by then.

    Raises:
        OSError: If it cannot be written.
    """
    if summary.status != "running":
        there = [name for name in (LOG, STEPS, PICTURES) if (folder / name).exists()]
        files = {name: digest(folder / name) for name in there}
        summary = dataclasses.replace(summary, files=files)
    write_record(folder / SUMMARY, to_json(summary), durable=durable)


def read_summary(folder: Path) -> Summary:
    """Return how the run in a folder ended.

    Raises:
        FileNotFoundError: If there is no summary.
        OSError: If it cannot be read.
        DamagedError: If it does not hold what it should, or was written by a later version.
    """
    path = folder / SUMMARY
    summary = from_json(Summary, read_record(path, _as_now), path)
    if summary.data is not None and min(summary.data.shape, default=1) < 1:
        raise DamagedError(f"{path}: `data.shape` must be positive, got {summary.data.shape}.")
    return summary


def find_summary(folder: Path) -> Summary | None:
    """Return how the run in a folder ended, or ``None`` if nothing there says it."""
    try:
        return read_summary(folder)
    except (OSError, DamagedError):
        return None


def _as_now(old):
    """Until format 4, the last row stood among the rest, but for its seconds."""
    own = {one.name for one in dataclasses.fields(Summary)}
    last = {name: value for name, value in old.items() if name not in own - {"step"}}
    trained = "training_seconds" in old  # By a command of its own, and not by that of a sweep.
    return {name: value for name, value in old.items() if name in own} | {
        "last": last | {"seconds": None} if "epoch" in old else None,
        "training_seconds": old.get("training_seconds" if trained else "seconds", 0.0),
        "wall_seconds": old.get("seconds") if trained else None,
    }
