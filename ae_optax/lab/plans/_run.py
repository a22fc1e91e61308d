"""The config of one run, and what the configs of all plans have in common."""

import copy
import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from ae_optax._checks import check_at_least
from ae_optax.lab.config import (
    FAILED,
    Accepts,
    Binder,
    Call,
    Code,
    Entry,
    Kind,
    Of,
    OwnCode,
    Problem,
    Problems,
    Program,
    Scalar,
    Table,
    Where,
    anything,
    calls,
    from_python,
    override,
    parse,
    plain,
    read_text,
    shown,
)
from ae_optax.lab.config import kinds as all_kinds
from ae_optax.lab.data import Dataset
from ae_optax.lab.models import Model
from ae_optax.lab.plans._check import check_optimizer
from ae_optax.lab.training import Precision, Settings, Task, steps_per_epoch, with_precision

SOME_STEPS = 10_000
"""The length of a run for the checks, which are made without the data."""

LATER = {"log_every": None, "precision": None}
"""Settings that came after runs had been kept: at these defaults they go unsaid, and names stay."""

Keep = Literal["best", "none", "all"]
"""Of which runs of a plan the weights are kept: the chosen one's, nobody's, everyone's."""

Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Program
"""A YAML file, or the same as a program's mapping, see :func:`ae_optax.lab.config.from_python`."""

COMMANDS = {
    "sweep": "this is a sweep: use `ae-optax sweep`.",
    "compare": "this is a comparison: use `ae-optax compare`.",
    "optimizer": "this is a single run: use `ae-optax train`.",
}
"""Which section makes a config what it is, and what to do with one of another sort."""


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


def load_run(
    path: Source,
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
    code: Mapping[str, str] | None = None,
) -> RunConfig:
    """Read the config of a run, and check all of it but the data.

    Args:
        path: A YAML file; or a mapping, in which functions and objects may stand for names.
        overrides: Changes such as ``optimizer.learning_rate=1e-2``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.
        code: The SHA-256 of one's own code, by name: what is not in it is not run. ``None``: as the
            section ``code`` of the file says, or whatever the file names.

    Returns:
        The config, every default filled in; ``config.optimizer.build()`` makes the optimizer.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    root, binder = open_plan(path, overrides, kinds, code, "optimizer")
    run = read_run(root, binder)
    binder.problems.raise_if_any()
    assert run is not None
    return run


def load_data(source: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Call:
    """Read the section ``data`` of a config, or make one of the name of a data set.

    Args:
        source: The name of a function in ``ae_optax.lab.data``, or a YAML file, of any plan.
        overrides: Changes such as ``data.path=~/data``.

    Returns:
        What makes the data set: ``load_data(source).build()``.

    Raises:
        ConfigError: If the section is missing or wrong; one line for each problem.
    """
    problems, known = Problems(), all_kinds()
    text = str(source)
    if text in known["data"].functions or (text.isidentifier() and not Path(text).exists()):
        # Bound like a config, so that a misspelt name is told as it would be there.
        where = Where(text)
        name = Entry(where, Scalar(where, text, text))
        root = Table(where, {"data": Entry(where, Table(where, {"name": name}))})
    else:
        root = _read(source, problems)
    override(root, overrides, problems)
    if "data" not in root.entries:
        problems.add(root.where, "data", "the section 'data' is missing.")
        problems.raise_all()
    node, binder = root.entries["data"].node, Binder(known, problems)
    binder.own.place(node, problems)
    call = binder.value(node, Accepts(kinds=("data",)), "data")
    problems.raise_if_any()
    return call


def load_settings(path: str | os.PathLike[str]) -> TrainingSection:
    """Read the section ``training`` of a config, and nothing else of it.

    Raises:
        ConfigError: If the section is missing or wrong; one line for each problem.
    """
    problems = Problems()
    root = _read(path, problems)
    if "training" not in root.entries:
        problems.add(root.where, "training", "the section 'training' is missing.")
        problems.raise_all()
    wanted = Accepts(record=TrainingSection)
    call = Binder(all_kinds(), problems).value(root.entries["training"].node, wanted, "training")
    problems.raise_if_any()
    return call.build()


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


def description(path: Source) -> str:
    """Return the comment that a config file opens with: its question, command, expectation.

    A line that is indented further continues the one before. A mapping has none.

    Raises:
        ConfigError: If the file cannot be read.
    """
    if isinstance(path, Mapping | Program):
        return ""
    comment = itertools.takewhile(lambda line: line.startswith("#"), read_text(path).splitlines())
    text = "\n".join(line[1:].removeprefix(" ").rstrip() for line in comment)
    return re.sub(r"\n\s+(?=\S)", " ", text).strip()


def open_plan(
    path: Source,
    overrides: Iterable[str],
    kinds: Mapping[str, Kind] | None,
    code: Mapping[str, str] | None,
    *own: str,
    swept: bool = False,
) -> tuple[Table, Binder]:
    """Return what a file says, changes included, and what reads it.

    Args:
        path: A YAML file, or a mapping.
        overrides: Changes.
        kinds: What the config may name; ``None``: all public names.
        code: The SHA-256 of one's own code that may be run; ``None``: as the file says.
        *own: The sections of which it must have one.
        swept: Whether a number may be ``swept``.
    """
    binder = Binder(all_kinds() if kinds is None else kinds, Problems(), swept)
    if isinstance(path, Mapping):
        path = from_python(path, binder.kinds)
    if isinstance(path, Program):
        root, given = copy.deepcopy(path.root), path.given
    else:
        root, given = _read(path, binder.problems), None
    said = _expected(root, binder.problems)
    binder = replace(binder, own=OwnCode(said if code is None else code, given))
    sorts = [section for section in COMMANDS if section in root.entries]
    if sorts and sorts[0] not in own and (sorts[0] == "sweep" or not set(sorts) & set(own)):
        binder.problems.add(root.entries[sorts[0]].where, sorts[0], COMMANDS[sorts[0]])
        binder.problems.raise_all()
    override(root, overrides, binder.problems)
    binder.own.place(root, binder.problems)
    return root, binder


def _expected(root: Table, problems: Problems) -> dict[str, str] | None:
    """Take the section ``code`` out: the SHA-256 of one's own code that may be run, by name."""
    entry = root.entries.pop("code", None)
    if entry is None:
        return None
    said = anything(entry.node)
    if isinstance(said, dict) and all(isinstance(sha, str) for sha in said.values()):
        return said
    problems.add(entry.node.where, "code", "expected a mapping of names to their SHA-256.")
    return {}


def read_run(root: Table, binder: Binder) -> RunConfig | None:
    """Return the run that ``root`` means, or ``None`` if there are problems."""
    sections = binder.arguments(RunConfig, None, root.entries, root.where, "")
    training = check_task(sections, binder.problems)
    optimizer = sections.arguments["optimizer"]
    if isinstance(optimizer, Call):
        check_optimizer(optimizer.timed(SOME_STEPS), binder.problems)
    checkpoints = sections.arguments["checkpoints"]
    if isinstance(checkpoints, Call):
        checkpoints = checkpoints.try_build(binder.problems)
    if len(binder.problems):
        return None
    made = {"training": training, "checkpoints": checkpoints, "_source": sections}
    return RunConfig(**{**sections.arguments, **made})


def check_task(sections: Call, problems: Problems) -> Any:
    """Make the parts of a task, to see that they can be; return the settings, or ``FAILED``."""
    metrics = sections.arguments["metrics"]
    names = ("model", "loss", "corruption")
    for part in (*(sections.arguments[name] for name in names), *(metrics or ())):
        if isinstance(part, Call):
            part.timed(SOME_STEPS).try_build(problems)
    training = sections.arguments["training"]
    return training.try_build(problems) if isinstance(training, Call) else FAILED


def _read(path, problems: Problems) -> Table:
    """Return what a file says; a file that is no mapping is a problem that ends it."""
    root = parse(read_text(path), Where(str(path), 1, 1), problems)
    if root is not None and not isinstance(root, Table):
        problems.add(root.where, "", f"a config is a mapping of sections, got {shown(root)}.")
    if not isinstance(root, Table):
        problems.raise_all()
    return root
