"""The sections of a comparison: their fields are the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from ae_optax._checks import check_at_least, check_finite
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._schema import Grid, RunConfig, plain_sections
from ae_optax.lab.config._types import Of


@dataclass(frozen=True)
class ContenderSection:
    """One item of ``compare.contenders``.

    Attributes:
        optimizer: With one number ``swept``; a required ``learning_rate`` may be left out.
        label: How tables and figures call it; the optimizer's name by default.
        learning_rates: Its own, instead of the comparison's.
        sweep: What else to vary, by path below the optimizer: a list of values, a grid
            ``{start, stop, count}`` or a random range ``{lowest, highest, scale}``.
    """

    optimizer: Annotated[Any, Of("optimizer")]
    label: str | None = None
    learning_rates: Grid | Sequence[float] | None = None
    sweep: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CompareSection:
    """The section ``compare``.

    Attributes:
        contenders: What is compared.
        learning_rates: To try for each of them: a grid, or a list.
        seeds: How many, or which.
        trials: How many settings each of them tries, at least 1; needed where some are random.
        draw_seed: Decides the random ones.
        target: The test loss at which "steps to target" are counted; the median of the
            contenders' final losses by default.
    """

    contenders: Sequence[ContenderSection]
    learning_rates: Grid | Sequence[float] | None = None
    seeds: int | Sequence[int] = 3
    trials: int | None = None
    draw_seed: int = 0
    target: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.contenders:
            raise ValueError("`contenders` must name at least one optimizer, got none.")
        if self.trials is not None:
            check_at_least("trials", self.trials, 1)
        check_at_least("draw_seed", self.draw_seed, 0)
        if self.target is not None:
            check_finite("target", self.target)


@dataclass(frozen=True)
class Setting:
    """One choice of a contender's numbers.

    Attributes:
        learning_rate: What stands in the place of ``swept``.
        values: What else is varied, by path below the optimizer.
        optimizer: Makes the optimizer.
    """

    learning_rate: float
    values: Mapping[str, Any]
    optimizer: Call


@dataclass(frozen=True)
class Contender:
    """One optimizer of a comparison.

    Attributes:
        label: How tables and figures call it.
        optimizer: Makes the optimizer, with one number ``swept``.
        learning_rates: Those to try.
        sweep: What else is varied, as it was written.
        settings: What is tried, the same number of settings at every rate.
    """

    label: str
    optimizer: Call
    learning_rates: tuple[float, ...]
    sweep: Mapping[str, Any]
    settings: tuple[Setting, ...]

    def swept(self) -> tuple[str, ...]:
        """Return the paths of all that is varied."""
        below = (f"{self.optimizer.path}.{path}" for path in self.sweep)
        return (*self.optimizer.swept(), *below)

    def plain(self) -> dict[str, Any]:
        """Return the contender in words of YAML."""
        return {
            "label": self.label,
            "optimizer": self.optimizer.plain(),
            "learning_rates": list(self.learning_rates),
            **({"sweep": dict(self.sweep)} if self.sweep else {}),
        }


@dataclass(frozen=True)
class ComparisonConfig:
    """What a comparison is made of: optimizers × settings × seeds on one problem.

    Attributes:
        data: Makes the data set.
        model: Makes the model.
        loss: Makes the loss.
        training: How long to train; its seed is not used.
        contenders: What is compared; all try equally many settings.
        seeds: Of the runs, all different.
        trials: How many settings each contender tries, if it was said.
        draw_seed: Decided what is random.
        target: A test loss, or ``None`` for the median of the contenders' final ones.
        corruption: Makes what is done to the images before the model sees them, or ``None``.
        metrics: Make what is measured beside the loss.
    """

    data: Call
    model: Call
    loss: Call
    training: Any
    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    trials: int | None
    draw_seed: int
    target: float | None
    corruption: Call | None = None
    metrics: Sequence[Call] = ()

    def run(self, setting: Setting, seed: int) -> RunConfig:
        """Return the run of a contender's setting with a seed."""
        return RunConfig(
            data=self.data,
            model=self.model,
            loss=self.loss,
            optimizer=setting.optimizer,
            training=replace(self.training, seed=seed),
            corruption=self.corruption,
            metrics=self.metrics,
        )

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
        compare = {
            "seeds": list(self.seeds),
            "trials": self.trials,
            "draw_seed": self.draw_seed,
            "contenders": [contender.plain() for contender in self.contenders],
            "target": self.target,
        }
        sections = plain_sections(self, "data", "model", "loss", "corruption", "metrics")
        return sections | {"compare": compare}

    def identity(self) -> dict[str, Any]:
        """Return what decides the comparison: all of :meth:`plain`."""
        return self.plain()


@dataclass(frozen=True)
class ComparisonSections:
    """The sections of a comparison, as a file has them."""

    data: Annotated[Call, Of("data")]
    model: Annotated[Call, Of("model")]
    loss: Annotated[Call, Of("loss")]
    compare: CompareSection
    training: Annotated[Any, Of("training")]
    corruption: Annotated[Call, Of("corruption")] | None = None
    metrics: Sequence[Annotated[Call, Of("metric")]] = ()
