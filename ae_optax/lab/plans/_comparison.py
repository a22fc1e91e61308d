"""The config of a comparison: optimizers × settings × seeds on one task."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from ae_optax._checks import check_at_least, check_finite, check_one_of, check_seed
from ae_optax.lab.config import FAILED, Call, Code, Kind, Problems
from ae_optax.lab.plans import _grid as grid
from ae_optax.lab.plans._contenders import Contender, ContenderSection, Setting, read_contenders
from ae_optax.lab.plans._read import Source, check_task, open_plan
from ae_optax.lab.plans._run import Keep, RunConfig, TaskConfig, code_of


@dataclass(frozen=True)
class CompareSection:
    """What is compared, at how many settings each, and from which seeds.

    Attributes:
        contenders: What is compared.
        learning_rates: To try for each of them: a grid, or a list.
        seeds: How many, or which.
        trials: How many settings each of them tries, at least 1; needed where some are random.
        draw_seed: Decides the random ones.
        target: The test loss at which "steps to target" are counted; the median of the
            contenders' final losses by default.
        keep: Of which runs the weights are kept: ``"best"``: of every contender's, at its best
            setting, that with the lowest validation loss; ``"none"``; ``"all"``. It changes no
            number.
    """

    contenders: Sequence[ContenderSection]
    learning_rates: grid.Grid | Sequence[float] | None = None
    seeds: int | Sequence[int] = 3
    trials: int | None = None
    draw_seed: int = 0
    target: float | None = None
    keep: Keep = "best"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.contenders:
            raise ValueError("`contenders` must name at least one optimizer, got none.")
        if self.trials is not None:
            check_at_least("trials", self.trials, 1)
        check_seed("draw_seed", self.draw_seed)
        if self.target is not None:
            check_finite("target", self.target)
        check_one_of("keep", self.keep, Keep)


@dataclass(frozen=True, kw_only=True)
class ComparisonSections(TaskConfig):
    """The sections of a comparison, as a file has them."""

    compare: CompareSection


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(TaskConfig):
    """What a comparison is made of; the seed of its ``training`` is not used.

    Attributes:
        contenders: What is compared; all try equally many settings.
        seeds: Of the runs, all different.
        trials: How many settings each contender tries, if it was said.
        draw_seed: Decided what is random.
        target: A test loss, or ``None`` for the median of the contenders' final ones.
        keep: Of which runs the weights are kept.
    """

    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    trials: int | None
    draw_seed: int
    target: float | None
    keep: Keep

    def run(self, setting: Setting, seed: int) -> RunConfig:
        """Return the run of a contender's setting with a seed."""
        parts: dict[str, Any] = self.task()
        parts["training"] = replace(self.training, seed=seed)
        return RunConfig(**parts, optimizer=setting.optimizer)

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
        decisive = self.identity()
        return {**decisive, "compare": {**decisive["compare"], "keep": self.keep}}

    def identity(self) -> dict[str, Any]:
        """Return that part of :meth:`plain` which decides what the comparison finds."""
        compare = {
            "seeds": list(self.seeds),
            "trials": self.trials,
            "draw_seed": self.draw_seed,
            "contenders": [contender.plain() for contender in self.contenders],
            "target": self.target,
        }
        return self.plain_sections() | {"compare": compare}

    def _counted(self, steps: int) -> Self:
        def timed(contender):
            tried = (replace(s, optimizer=s.optimizer.timed(steps)) for s in contender.settings)
            return replace(contender, settings=tuple(tried))

        return replace(super()._counted(steps), contenders=tuple(map(timed, self.contenders)))

    def code(self) -> tuple[Code, ...]:
        """Return one's own code that it names, sorted by name."""
        tried = [setting.optimizer for each in self.contenders for setting in each.settings]
        return code_of([*self.task().values(), tried])


def load_comparison(
    path: Source,
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
    code: Mapping[str, str] | None = None,
) -> ComparisonConfig:
    """Read the config of a comparison, and check all of it but the data.

    Args:
        path: A YAML file, or a mapping.
        overrides: Changes such as ``compare.contenders[1].learning_rates.count=5``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.
        code: As of :func:`load_run`.

    Returns:
        The config, every default filled in; ``config.run(setting, seed)`` is a run of it.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    root, binder = open_plan(path, overrides, kinds, code, "compare", swept=True)
    problems = binder.problems
    sections = binder.arguments(ComparisonSections, None, root.entries, root.where, "")
    training = check_task(sections, problems)
    compare = sections.arguments["compare"]
    if not isinstance(compare, Call):
        problems.raise_all()
    _check_section(compare, problems)
    _check_to_the_end(sections.arguments["training"], training, problems)
    contenders = read_contenders(compare, binder)
    seeds = grid.read_seeds(compare, problems)
    problems.raise_if_any()
    parts: dict[str, Any] = {f.name: sections.arguments.get(f.name) for f in fields(TaskConfig)}
    said = {name: compare.arguments[name] for name in ("trials", "draw_seed", "target", "keep")}
    made: dict[str, Any] = {
        "training": training,
        "contenders": contenders,
        "seeds": seeds,
        "_source": sections,
    }
    return ComparisonConfig(**parts | said | made)


def _check_section(section: Call, problems: Problems) -> None:
    """Make the section's dataclass check its own arguments, the calls in it uncalled."""
    if any(value is FAILED for value in section.arguments.values()):
        return
    try:
        section.function(**section.arguments)
    except ValueError as error:
        problems.add(*section.blame(error), str(error), cause=error)


def _check_to_the_end(section: Call, training: Any, problems: Problems) -> None:
    """Note settings that end some runs before others: contenders are compared at one budget."""
    for name in ("patience", "max_minutes"):
        if training is not FAILED and getattr(training, name) is not None:
            reason = "must be left out of a comparison: every run goes to the end of its schedule."
            problems.add(*section.place(name), reason)
