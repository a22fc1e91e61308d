"""The sections of a run and of a sweep: their fields are the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np

from ae_optax._checks import check_at_least, check_positive
from ae_optax.lab.config._call import Call, plain
from ae_optax.lab.config._search import Search, SearchSection
from ae_optax.lab.config._types import Of


@dataclass(frozen=True)
class Grid:
    """Learning rates at equal ratios.

    Attributes:
        start: The first, positive.
        stop: The last, positive and not the same.
        count: How many, at least 2.
    """

    start: float
    stop: float
    count: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_positive("start", self.start)
        check_positive("stop", self.stop)
        check_at_least("count", self.count, 2)
        if self.start == self.stop:
            raise ValueError(f"`stop` must differ from `start`, got {self.stop!r} twice.")

    def rates(self) -> tuple[float, ...]:
        """Return the rates."""
        # Twelve digits: 1e-3 is then 0.001 and not 0.0010000000000000002.
        return tuple(float(f"{x:.12g}") for x in np.geomspace(self.start, self.stop, self.count))


@dataclass(frozen=True)
class CheckpointSection:
    """The section ``checkpoints``: when a run is saved. It changes no number of the run.

    Attributes:
        every_steps: After so many steps, at least 1; ``None``: not by steps.
        every_minutes: After so many minutes; 0: after every epoch; ``None``: not by time.
        keep: How many of the newest to keep beside the best, at least 1.
    """

    every_steps: int | None = None
    every_minutes: float | None = 2.0
    keep: int = 3

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.every_steps is not None:
            check_at_least("every_steps", self.every_steps, 1)
        if self.every_minutes is not None:
            check_at_least("every_minutes", self.every_minutes, 0)
        check_at_least("keep", self.keep, 1)


@dataclass(frozen=True)
class RunConfig:
    """What a run is made of.

    Attributes:
        data: Makes the data set.
        model: Makes the model.
        loss: Makes the loss.
        optimizer: Makes the optimizer.
        training: How long to train, in what portions.
        corruption: Makes what is done to the images before the model sees them, or ``None``.
        metrics: Make what is measured beside the loss.
        checkpoints: When the run is saved.
    """

    data: Annotated[Call, Of("data")]
    model: Annotated[Call, Of("model")]
    loss: Annotated[Call, Of("loss")]
    optimizer: Annotated[Call, Of("optimizer")]
    training: Annotated[Any, Of("training")]
    corruption: Annotated[Call, Of("corruption")] | None = None
    metrics: Sequence[Annotated[Call, Of("metric")]] = ()
    checkpoints: CheckpointSection = CheckpointSection()

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
        return self.identity() | {"checkpoints": asdict(self.checkpoints)}

    def identity(self) -> dict[str, Any]:
        """Return that part of :meth:`plain` which decides the numbers of the run."""
        return plain_sections(self, "data", "model", "loss", "corruption", "metrics", "optimizer")


@dataclass(frozen=True)
class SweepSection:
    """The section ``sweep``.

    Attributes:
        over: What to vary, by path: a list of values, a grid ``{start, stop, count}`` at equal
            ratios or a random range ``{lowest, highest, scale}``.
        seeds: How many, or which; ``training.seed`` alone by default.
        trials: How many to draw; needed exactly when a range is random, or in a search.
        draw_seed: Decides the draws; a search has a seed of its own.
        search: What chooses the trials instead of draws; ``None``: nothing does.
    """

    over: Mapping[str, Any]
    seeds: int | Sequence[int] | None = None
    trials: int | None = None
    draw_seed: int = 0
    search: SearchSection | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.over:
            raise ValueError("`over` must name at least one path, got none.")
        if self.trials is not None:
            check_at_least("trials", self.trials, 1)
        check_at_least("draw_seed", self.draw_seed, 0)


@dataclass(frozen=True)
class Trial:
    """One choice of the values that a sweep varies.

    Attributes:
        values: The values by path.
        config: The run they make, its seed that of the first run.
    """

    values: Mapping[str, Any]
    config: RunConfig

    def run(self, seed: int) -> RunConfig:
        """Return the run with this seed."""
        return replace(self.config, training=replace(self.config.training, seed=seed))


@dataclass(frozen=True)
class SweepConfig:
    """What a sweep is made of: trials × seeds.

    Attributes:
        trials: What is tried, all different; before a search, examples that between them hold
            every value of a list and both ends of every range.
        seeds: Of the runs of every trial, all different.
        source: The config as it was written, changes by options included.
        search: How the trials are to be found; ``None`` if they are known.
    """

    trials: tuple[Trial, ...]
    seeds: tuple[int, ...]
    source: Mapping[str, Any]
    search: Search | None = None

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, as it was written."""
        return dict(self.source)


def plain_sections(config: Any, *names: str) -> dict[str, Any]:
    """Return sections of a config, and ``training``, in words of YAML."""
    given = {name: getattr(config, name) for name in names if getattr(config, name)}
    sections = {name: plain(section) for name, section in given.items()}
    return sections | {"training": asdict(config.training)}
