"""The config of one run, and what the configs of all plans have in common."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal, Self

from ae_optax._checks import check_at_least
from ae_optax.lab.config import Call, Code, Of, Problem, calls, plain
from ae_optax.lab.data import Dataset
from ae_optax.lab.models import Model
from ae_optax.lab.training import Precision, Settings, Task, steps_per_epoch, with_precision

LATER = {"log_every": None, "precision": None}
"""Settings that came after runs had been kept: at these defaults they go unsaid, and names stay."""

Keep = Literal["best", "none", "all"]
"""Of which runs of a plan the weights are kept: the chosen one's, nobody's, everyone's."""


@dataclass(frozen=True)
class TrainingSection(Settings):
    """How long, in what portions, from what seed and in which numbers to train.

    Attributes:
        precision: In which numbers the model computes and its parameters are kept; ``None``: in
            those of the model, float32.
    """

    precision: Precision | None = None


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What any plan sets its optimizers to solve, and how long they have.

    Attributes:
        data: Makes the data set.
        model: Makes the model.
        loss: Makes the loss.
        training: How long to train, in what portions.
        corruption: Makes what is done to the images before the model sees them, or ``None``.
        metrics: Make what is measured beside the loss.
    """

    data: Annotated[Call, Of("data")]
    model: Annotated[Call, Of("model")]
    loss: Annotated[Call, Of("loss")]
    training: TrainingSection
    corruption: Annotated[Call, Of("corruption")] | None = None
    metrics: Sequence[Annotated[Call, Of("metric")]] = ()
    _source: Call | None = field(default=None, compare=False, repr=False)

    def told(self, error: Exception) -> str:
        """Return an error's message, after the place of the setting that it begins with."""
        section = self._source.arguments["training"] if self._source else None
        if not isinstance(section, Call) or not section.blames(error):
            return str(error)
        (file, line, column), path = section.blame(error)
        return str(Problem(file, line, column, path, str(error)))

    def timed(self, images: int) -> Self:
        """Return the config with parts of a run, such as ``5%``, counted in steps.

        It dumps as before, and is the same run.

        Args:
            images: How many there are to train on.
        """
        per_epoch = steps_per_epoch(images, self.training.batch_size)
        return self._counted(self.training.epochs * per_epoch)

    def _counted(self, steps: int) -> Self:
        return replace(self, loss=self.loss.timed(steps))

    def task(self) -> dict[str, Any]:
        """Return the sections of the task alone, made or not."""
        return {f.name: getattr(self, f.name) for f in fields(TaskConfig)}

    def plain_sections(self, **more: Any) -> dict[str, Any]:
        """Return the sections of the task, ``more``, and what code it is, in words of YAML."""
        sections = self.task() | more
        training, _ = sections.pop("training"), sections.pop("_source")
        said = {name: plain(section) for name, section in sections.items() if section}
        settings = asdict(training).items()
        said |= {"training": {k: v for k, v in settings if k not in LATER or v != LATER[k]}}
        code = self.code()
        return said | ({"code": {own.name: own.sha256 for own in code}} if code else {})

    def code(self) -> tuple[Code, ...]:
        """Return one's own code that it names, sorted by name."""
        return code_of(self.task().values())


@dataclass(frozen=True)
class CheckpointSection:
    """When a run is saved, which changes none of its numbers.

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


@dataclass(frozen=True, kw_only=True)
class RunConfig(TaskConfig):
    """What a run is made of.

    Attributes:
        optimizer: Makes the optimizer.
        checkpoints: When the run is saved.
    """

    optimizer: Annotated[Call, Of("optimizer")]
    checkpoints: CheckpointSection = CheckpointSection()

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
        return self.identity() | {"checkpoints": asdict(self.checkpoints)}

    def _counted(self, steps: int) -> Self:
        counted = super()._counted(steps)
        return replace(counted, optimizer=self.optimizer.timed(steps))

    def identity(self) -> dict[str, Any]:
        """Return that part of :meth:`plain` which decides the numbers of the run."""
        return self.plain_sections(optimizer=self.optimizer)

    def code(self) -> tuple[Code, ...]:
        """Return one's own code that it names, sorted by name."""
        return code_of([*self.task().values(), self.optimizer])


def code_of(values: Iterable[Any]) -> tuple[Code, ...]:
    """Return the code of one's own in what is, or holds, calls: each file once, sorted by name."""
    found = {call.code for value in values for call in calls(value) if call.code}
    return tuple(sorted(found, key=lambda code: code.name))


def make_model(config: TaskConfig) -> Model:
    """Make the model of a config, in the precision that it says.

    Raises:
        ConfigError: If a function refuses its arguments.
    """
    return with_precision(config.model.build(), config.training.precision)


def make_task(config: TaskConfig, data: Dataset | None = None) -> Task:
    """Make model, loss, data, corruption and metrics as a config says.

    Args:
        config: The config of any plan.
        data: Its data, if they have been made before.

    Raises:
        ConfigError: If a function refuses its arguments.
        DataError: If the data are not there.
    """
    data = config.data.build() if data is None else data
    assert data is not None
    return Task(
        model=make_model(config),
        loss=config.timed(data.sizes["train"]).loss.build(),
        data=data,
        corruption=config.corruption and config.corruption.build(),
        metrics=[metric.build() for metric in config.metrics],
    )
