"""The config of a comparison: optimizers × settings × seeds on one task."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Self

from ae_optax._checks import check_at_least, check_finite, check_positive, check_seed
from ae_optax.lab.config import (
    FAILED,
    Binder,
    Call,
    Code,
    Kind,
    Number,
    Of,
    Problems,
    Table,
    anything,
)
from ae_optax.lab.plans import _grid as grid
from ae_optax.lab.plans._check import check_optimizer
from ae_optax.lab.plans._run import (
    SOME_STEPS,
    RunConfig,
    TaskConfig,
    check_task,
    code_of,
    open_plan,
)


@dataclass(frozen=True)
class ContenderSection:
    """One optimizer of a comparison, and what is varied in it.

    Attributes:
        optimizer: With one number ``swept``; a required ``learning_rate`` may be left out.
        label: How tables and figures call it; the optimizer's name by default, without its file.
        learning_rates: Its own, instead of the comparison's.
        sweep: What else to vary, by path below the optimizer: a list of values, a grid
            ``{start, stop, count}`` or a random range ``{lowest, highest, scale}``.
    """

    optimizer: Annotated[Any, Of("optimizer")]
    label: str | None = None
    learning_rates: grid.Grid | Sequence[float] | None = None
    sweep: Table | None = None


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
    """

    contenders: Sequence[ContenderSection]
    learning_rates: grid.Grid | Sequence[float] | None = None
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
        check_seed("draw_seed", self.draw_seed)
        if self.target is not None:
            check_finite("target", self.target)


@dataclass(frozen=True, kw_only=True)
class ComparisonSections(TaskConfig):
    """The sections of a comparison, as a file has them."""

    compare: CompareSection


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


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(TaskConfig):
    """What a comparison is made of; the seed of its ``training`` is not used.

    Attributes:
        contenders: What is compared; all try equally many settings.
        seeds: Of the runs, all different.
        trials: How many settings each contender tries, if it was said.
        draw_seed: Decided what is random.
        target: A test loss, or ``None`` for the median of the contenders' final ones.
    """

    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    trials: int | None
    draw_seed: int
    target: float | None

    def run(self, setting: Setting, seed: int) -> RunConfig:
        """Return the run of a contender's setting with a seed."""
        parts: dict[str, Any] = self.task()
        parts["training"] = replace(self.training, seed=seed)
        return RunConfig(**parts, optimizer=setting.optimizer)

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, every default written."""
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

    def identity(self) -> dict[str, Any]:
        """Return what decides the comparison: all of :meth:`plain`."""
        return self.plain()


def load_comparison(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
    code: Mapping[str, str] | None = None,
) -> ComparisonConfig:
    """Read the config of a comparison, and check all of it but the data.

    Args:
        path: A YAML file.
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
    contenders = _contenders(compare, binder)
    seeds = grid.read_seeds(compare, problems)
    problems.raise_if_any()
    parts: dict[str, Any] = {f.name: sections.arguments.get(f.name) for f in fields(TaskConfig)}
    said = {name: compare.arguments[name] for name in ("trials", "draw_seed", "target")}
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


def _contenders(compare: Call, binder: Binder) -> tuple[Contender, ...]:
    """Return those contenders that can be used; a problem says what is wrong with the others."""
    problems = binder.problems
    shared = _rates(compare, problems)
    given = compare.arguments["contenders"]
    sections: Sequence[Call] = () if given is FAILED else given
    trials = compare.arguments["trials"]
    trials = None if trials is None or trials < 1 else trials  # A mistake that has been named.
    found, labels, first = [], set(), None
    for section in sections:
        optimizer = section.arguments["optimizer"]
        rates = _rates(section, problems)
        rates = shared if rates is None else rates
        if rates is None:
            reason = "no `learning_rates`: give them here, or for all in `compare`."
            problems.add(section.where, section.path, reason)
        if not isinstance(optimizer, Call) or not optimizer.complete:
            continue
        sweeps = _sweeps_once(optimizer, problems)
        label = section.arguments["label"] or str(optimizer.name).rpartition(":")[2]
        if label in labels:
            reason = f"the label {label!r} is taken. Give each its own `label`."
            problems.add(*section.place("label"), reason)
        labels.add(label)
        if not rates or not sweeps:
            continue
        tried = _settings(optimizer, rates, section, compare, binder)
        if not tried:
            continue
        first = first or (f"{label} tries" if trials is None else "`trials` says", len(tried))
        if len(tried) != (first[1] if trials is None else trials):
            other = f"{first[0]} {first[1] if trials is None else trials}"
            reason = f"{label} tries {len(tried)} settings, but {other}. All must try equally many."
            key = "sweep" if section.arguments["sweep"] else "learning_rates"
            problems.add(*section.place(key), reason)
        sweep = section.arguments["sweep"]
        varied = {} if sweep is None else anything(sweep)
        found.append(Contender(label, optimizer, rates, varied, tried))
    return tuple(found)


def _sweeps_once(optimizer, problems):
    swept = len(optimizer.swept())
    if swept == 1:
        return True
    reason = "nothing is swept: write `swept` where the learning rate goes."
    if swept:
        reason = f"only one number may be swept, got {swept}."
    problems.add(optimizer.where, optimizer.path, reason)
    return False


def _rates(section, problems):
    """Return the rates, ``None`` if there are none, or ``()`` if they are wrong."""
    given = section.arguments["learning_rates"]
    if given is None:
        return () if "learning_rates" in section.unread else None
    if isinstance(given, Call):
        made = given.try_build(problems)
        return () if made is FAILED else made.numbers()
    before = len(problems)
    where, path = section.place("learning_rates")
    for number, rate in enumerate(given):
        try:
            check_positive(f"learning_rates[{number}]", rate)
        except ValueError as error:
            problems.add(where, path, str(error))
    if not given:
        problems.add(where, path, "must hold at least one rate.")
    if len(set(given)) < len(given):
        problems.add(where, path, f"must all be different, got {list(given)}.")
    return () if len(problems) > before else tuple(given)


def _settings(
    optimizer: Call, rates: tuple[float, ...], section: Call, compare: Call, binder: Binder
) -> tuple[Setting, ...]:
    """Return what a contender tries, the same number of settings at every rate.

    Args:
        optimizer: With one number ``swept``.
        rates: What is put in its place.
        section: Of the contender.
        compare: It says how many settings, and decides the random ones.
        binder: Notes what is wrong; there are no settings then.
    """
    problems, before = binder.problems, len(binder.problems)
    over = section.arguments["sweep"]
    axes = () if over is None else grid.read_axes(over, section.place("sweep")[1], binder)
    planned = _planned(rates, axes, section, compare, problems)
    bound: dict[str, Call | None] = {}

    def make(values, own):
        (_, rate), *rest = values
        key = repr([node for _, node in rest])
        if key not in bound:  # Once for all rates.
            its = replace(binder, problems=own)
            bound[key] = _bound(optimizer, tuple(rest), section, rate.value, its)
        call = bound[key]
        if call is None:
            return None
        at_rate = call.filled(dict.fromkeys(call.swept(), rate.value))
        return Setting(rate.value, grid.named(tuple(rest), call.plain()), at_rate)

    settings = () if len(problems) > before else tuple(grid.each(planned, make, problems))
    return settings if len(problems) == before else ()


def _planned(rates, axes, section, compare, problems) -> Iterable[grid.Values]:
    """Return what each setting puts where, the rate first."""
    where, path = section.place("sweep")
    numbers = tuple(Number(section.where, rate, repr(rate)) for rate in rates)
    crossed = (grid.Axis("learning_rates", section.where, numbers),)
    trials, random = compare.arguments["trials"], grid.first_random(axes)
    if random and trials is None:
        reason = f"{random} has a random range: say how many settings to try, `compare.trials`."
        problems.add(where, path, reason)
    elif random and trials % len(rates):
        reason = f"must be a multiple of the {len(rates)} learning rates, got {trials}."
        problems.add(*compare.place("trials"), reason)
    total = trials if random else grid.combinations((*crossed, *axes))
    if total is not None and total > grid.MAX_TRIALS:
        problems.add(where, path, f"must make at most {grid.MAX_TRIALS} settings, got {total}.")
    if random:
        return grid.drawn(axes, trials or 0, compare.arguments["draw_seed"], crossed=crossed)
    return grid.every((*crossed, *axes))


def _bound(
    optimizer: Call, values: grid.Values, section: Call, rate: float, binder: Binder
) -> Call | None:
    """Return the optimizer with values in their places, or ``None`` after a problem."""
    problems, call = binder.problems, optimizer
    if values:
        assert isinstance(optimizer.node, Table)
        node = grid.filled(optimizer.node, values, problems, optimizer.path)
        call = None if len(problems) else binder.call(node, ("optimizer",), optimizer.path)
    if not isinstance(call, Call) or not call.complete:
        return None
    if len(call.swept()) != 1:
        reason = "the learning rate has its own key: `learning_rates`."
        problems.add(*section.place("sweep"), reason)
    if not len(problems):
        check_optimizer(call.timed(SOME_STEPS), problems, values=dict.fromkeys(call.swept(), rate))
    return None if len(problems) else call
