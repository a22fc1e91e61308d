"""What a comparison leaves: its contenders, their runs, and what those amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ae_optax.lab.runs._codec import from_json, to_json
from ae_optax.lab.runs._files import COMPARISON, DamagedError, read_record, write_record
from ae_optax.lab.runs._summary import DataRecord


@dataclass(frozen=True)
class ContenderRun:
    """One run of a contender. What a run that diverged did not come to is NaN.

    Attributes:
        setting: Position among the contender's settings.
        learning_rate: The swept number.
        values: What else its contender varies, by path below the optimizer.
        seed: The seed.
        diverged: Whether a loss is not finite, or the last is above the untrained model's.
        seconds: Of training and evaluation, compilation excluded.
        train_loss: Mean over each epoch; as many as there are epochs.
        validation_loss: Before training and after each epoch: one more. NaN without a set.
        test_loss: Likewise.
        rows: Everything else recorded of each epoch, by name.
        run: The name of its folder; empty if it was not written down.
        started: When the command began that made it, as ISO 8601 with the zone; likewise.
    """

    setting: int
    learning_rate: float
    values: Mapping[str, Any]
    seed: int
    diverged: bool
    seconds: float
    train_loss: Sequence[float]
    validation_loss: Sequence[float]
    test_loss: Sequence[float]
    rows: Mapping[str, Sequence[float]]
    run: str = ""
    started: str = ""


@dataclass(frozen=True)
class OverSeeds:
    """A loss over seeds, of which one that is not finite is the highest.

    Attributes:
        median: ``None`` if that is not finite.
        lowest: Likewise.
        highest: Likewise.
    """

    median: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class Rank:
    """A contender's place by its final test loss, from 1; equals share the mean of their places.

    Attributes:
        place: By the median.
        lowest: After those who are ahead of it with as many seeds as :class:`Uncertainty` says.
        highest: Before those whom it is ahead of.
    """

    place: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Best:
    """A contender at the setting that was chosen on validation images.

    Attributes:
        setting: Its position.
        learning_rate: Its rate.
        values: What else it has, by path below the optimizer.
        edge: ``"lowest"`` or ``"highest"``, if the rate is that of the ones tried.
        value_edges: The same for ``values``, by path, where it is so.
        final_test: The test loss after the last epoch.
        best_test: The lowest test loss after any epoch.
        diverged_share: Of all its runs, at all settings.
        usable: The lowest and the highest rate whose median is within a tenth of the best one's.
        usable_decades: The width of that window in powers of ten.
        steps_to_target: Median of the first step at which the test loss met the target; ``None`` if
            it did not.
        seconds_to_target: The same in seconds, compilation excluded, at the median pace of its runs
            with the same ``values``.
        interval: Of the median over seeds, or their range where these are few, see
            :class:`Uncertainty`; ``None`` with one seed, and for an end that is not finite.
        rank: Its place among the contenders; alone, it is the first.
        run: The name of that of its runs whose weights are kept, ``""`` if none are.
    """

    setting: int
    learning_rate: float
    values: Mapping[str, Any]
    edge: str | None
    value_edges: Mapping[str, str]
    final_test: OverSeeds
    best_test: OverSeeds
    diverged_share: float
    usable: tuple[float, float] | None
    usable_decades: float | None
    steps_to_target: float | None
    seconds_to_target: float | None
    interval: tuple[float | None, float | None] | None = None
    rank: Rank = Rank(1.0, 1.0, 1.0)
    run: str = ""


@dataclass(frozen=True)
class ContenderRecord:
    """What a contender did.

    Attributes:
        label: What to call it.
        optimizer: Its config.
        learning_rates: The rates it tried.
        settings: How many it tried.
        at_rates: The setting that does best at each rate, by its position.
        state_bytes_per_parameter: Size of the optimizer's state.
        ms_per_step: Median over runs, in milliseconds; ``None`` if nothing was timed, or times are
            left out.
        ms_quartiles: Its quartiles, likewise.
        compile_seconds: Until its programs were compiled, without what all contenders share.
        failure: Why a run of it left no record, or ``None``.
        runs: One for each setting and seed; none if it failed.
        best: Its best setting, or ``None`` if it failed or diverged.
    """

    label: str
    optimizer: Mapping[str, Any]
    learning_rates: Sequence[float]
    settings: int
    at_rates: Sequence[int]
    state_bytes_per_parameter: float
    ms_per_step: float | None
    compile_seconds: float
    failure: str | None
    runs: Sequence[ContenderRun]
    best: Best | None
    ms_quartiles: tuple[float, float] | None = None


@dataclass(frozen=True)
class Uncertainty:
    """What the seeds can tell, by the sign test.

    Attributes:
        level: How often an interval covers the median of all seeds there could be; below 0.95 it is
            their range, and no more.
        wins: With how many seeds a contender must be lower than another to be ahead of it.
    """

    level: float
    wins: int = 0


@dataclass(frozen=True, repr=False)
class ComparisonRecord:
    """What a comparison found, and where its numbers come from.

    Attributes:
        data: The data.
        parameters: How many the model has.
        epochs: Of every run.
        batch_size: Of every run.
        steps_per_epoch: Steps between two measurements.
        seeds: Of every setting.
        target: The test loss to time; ``None`` if no contender has a result.
        target_rule: Where that is from, in words.
        uncertainty: What the seeds can tell.
        contenders: In the order of the config.
        times_left_out: Why contenders are not compared by time, in words; empty if they are.
        title: Of its page.
        question: What the config says at its beginning.
        command: What was typed.
        started: When that began, as ISO 8601 with the zone.
        wall_seconds: From start to end, of all commands together.
        versions: Of the packages, by name.
        device: What it ran on.
        numerics: What else changed its numbers; see :class:`Summary`.
        model: Its config.
        loss: Its config.
        corruption: Its config, or ``None``.
    """

    data: DataRecord
    parameters: int
    epochs: int
    batch_size: int
    steps_per_epoch: int
    seeds: Sequence[int]
    target: float | None
    target_rule: str
    uncertainty: Uncertainty
    contenders: Sequence[ContenderRecord]
    times_left_out: str = ""
    title: str = ""
    question: str = ""
    command: str = ""
    started: str = ""
    wall_seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    numerics: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, Any] = field(default_factory=dict)
    corruption: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        """Return each contender's median final test loss."""
        told = (
            f"{c.label} {'-' if c.best is None else c.best.final_test.median}"
            for c in self.contenders
        )
        return f"<ComparisonRecord {self.title!r}, {len(self.seeds)} seeds: {', '.join(told)}>"


def write_comparison(folder: Path, record: ComparisonRecord) -> None:
    """Write what a comparison found.

    Raises:
        OSError: If it cannot be written.
    """
    write_record(folder / COMPARISON, to_json(record))


def read_comparison(folder: Path) -> ComparisonRecord:
    """Return what a comparison found.

    Raises:
        FileNotFoundError: If there is no record.
        OSError: If it cannot be read.
        DamagedError: If it does not hold what it should, or was written by another version.
    """
    path = folder / COMPARISON
    record = from_json(ComparisonRecord, read_record(path, lambda old: old, oldest=3), path)
    if record.epochs < 1:
        raise DamagedError(f"{path}: `epochs` must be at least 1, got {record.epochs}.")
    for contender in record.contenders:
        seeds = {run.seed for run in contender.runs}
        if seeds and seeds != set(record.seeds):  # It has none if it failed.
            raise DamagedError(
                f"{path}: `seeds` must be those of the runs, {sorted(seeds)}, got {record.seeds}."
            )
    return record
