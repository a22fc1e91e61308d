"""The config of a sweep: what to vary, in which trials, from which seeds."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ae_optax._checks import check_at_least, check_one_of, check_seed
from ae_optax.lab.config import (
    FAILED,
    Binder,
    Call,
    Code,
    Kind,
    Problems,
    Table,
    annotations,
    anything,
    child,
    match,
    shown,
)
from ae_optax.lab.plans import _grid as grid
from ae_optax.lab.plans._read import Source, open_plan, read_run
from ae_optax.lab.plans._run import Keep, RunConfig

SEED = "training.seed"


@dataclass(frozen=True)
class SearchSection:
    """What chooses trials one by one, each by what came out of those before.

    Attributes:
        name: The package that chooses: Optuna, an extra.
        sampler: ``"tpe"``: a tree of Parzen estimators; ``"random"``: draws at random; ``"gp"``:
            a Gaussian process, which needs PyTorch too.
        seed: Decides the choices, beside what came out; in [0, 2³¹).
    """

    name: Literal["optuna"]
    sampler: Literal["tpe", "random", "gp"] = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_seed("seed", self.seed)


@dataclass(frozen=True)
class SweepSection:
    """What is varied, in how many trials, and from which seeds.

    Attributes:
        over: What to vary, by path: a list of values, a grid ``{start, stop, count}`` at equal
            ratios or a random range ``{lowest, highest, scale}``.
        seeds: How many, or which; ``training.seed`` alone by default.
        trials: How many to draw; needed exactly when a range is random, or in a search.
        draw_seed: Decides the draws; a search has a seed of its own.
        search: What chooses the trials instead of draws; ``None``: nothing does.
        keep: Of which runs the weights are kept: ``"best"``: of the best trial's run with the
            lowest validation loss; ``"none"``; ``"all"``. It changes no number.
    """

    over: Table
    seeds: int | Sequence[int] | None = None
    trials: int | None = None
    draw_seed: int = 0
    search: SearchSection | None = None
    keep: Keep = "best"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.over.entries:
            raise ValueError("`over` must name at least one path, got none.")
        if self.trials is not None:
            check_at_least("trials", self.trials, 1)
        check_seed("draw_seed", self.draw_seed)
        check_one_of("keep", self.keep, Keep)


@dataclass(frozen=True, kw_only=True)
class SweepSections(RunConfig):
    """The sections of a sweep, as a file has them."""

    sweep: SweepSection


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
class Search:
    """A space of trials, and how it is to be searched.

    Attributes:
        section: What chooses.
        count: How many choices it has.
        axes: What varies, in the order of a point's coordinates.
        make: Returns the trial at a point: the number of a range, the index into a list or grid.
            It raises a ``ConfigError`` where values of different axes do not go together.
    """

    section: SearchSection
    count: int
    axes: tuple[grid.Axis, ...]
    make: Callable[[Sequence[float]], Trial]


@dataclass(frozen=True)
class SweepConfig:
    """What a sweep is made of: trials × seeds.

    Attributes:
        trials: What is tried, all different; before a search, examples that between them hold
            every value of a list and both ends of every range.
        seeds: Of the runs of every trial, all different.
        source: The config as it was written, changes by options included.
        search: How the trials are to be found; ``None`` if they are known.
        keep: Of which runs the weights are kept.
    """

    trials: tuple[Trial, ...]
    seeds: tuple[int, ...]
    source: Mapping[str, Any]
    search: Search | None = None
    keep: Keep = "best"

    def plain(self) -> dict[str, Any]:
        """Return the config in words of YAML, as it was written, and what code it is."""
        code = {own.name: own.sha256 for own in self.code()}
        return {**self.source, **({"code": code} if code else {})}

    def identity(self) -> dict[str, Any]:
        """Return that part of :meth:`plain` which decides what the sweep finds."""
        plain = self.plain()
        section = {name: x for name, x in plain["sweep"].items() if name != "keep"}
        return {**plain, "sweep": section}

    def code(self) -> tuple[Code, ...]:
        """Return one's own code that it names, sorted by name."""
        found = {own for trial in self.trials for own in trial.config.code()}
        return tuple(sorted(found, key=lambda own: own.name))


def load_sweep(
    path: Source,
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
    code: Mapping[str, str] | None = None,
) -> SweepConfig:
    """Read the config of a sweep, and check every run of it but the data.

    Args:
        path: A YAML file, or a mapping.
        overrides: Changes such as ``sweep.trials=40``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.
        code: As of :func:`load_run`.

    Returns:
        The runs, every default filled in; of a search, examples.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    root, binder = open_plan(path, overrides, kinds, code, "sweep", "optimizer")
    problems, source = binder.problems, anything(root)
    call, axes = _section(root, binder)
    del root.entries["sweep"]
    seeds = grid.read_seeds(call, problems)
    section: SweepSection = call.try_build(Problems())

    def make(values, problems):
        run = read_run(grid.filled(root, values, problems), replace(binder, problems=problems))
        if run is None:
            return None
        trial = Trial(grid.named(values, run.plain()), run)
        return replace(trial, config=trial.run(seeds[0])) if seeds else trial

    def make_at(point):
        problems = Problems()
        trial = make(grid.at(axes, point), problems)
        problems.raise_if_any()
        assert trial is not None
        return trial

    if section.search is not None:
        planned = grid.examples(axes)
    elif section.trials is None:
        planned = grid.every(axes)
    else:
        planned = grid.drawn(axes, section.trials, section.draw_seed)
    # Rounding may make two the same.
    trials: dict[str, Trial] = {}
    for trial in grid.each(planned, make, problems):
        trials.setdefault(json.dumps(trial.config.identity()), trial)
    problems.raise_if_any()
    found = tuple(trials.values())
    search = None
    if section.search is not None:
        assert section.trials is not None
        search = Search(section.search, section.trials, axes, make_at)
    seeds = seeds or (found[0].config.training.seed,)
    return SweepConfig(found, seeds, source, search, section.keep)


def _section(root: Table, binder: Binder) -> tuple[Call, tuple[grid.Axis, ...]]:
    """Read the section of ``root``: its arguments, and what it varies."""
    problems = binder.problems
    given = match(root.entries, annotations(SweepSections), None, "", problems)
    if "sweep" not in given:
        problems.add(root.where, "sweep", "the section 'sweep' is missing: it says what to vary.")
        problems.raise_all()
    node = given["sweep"].node
    if not isinstance(node, Table):
        reason = f"expected {{over, seeds, trials, draw_seed, search, keep}}, got {shown(node)}."
        problems.add(node.where, "sweep", reason)
        problems.raise_all()
    call = binder.arguments(SweepSection, None, node.entries, node.where, "sweep")
    call.try_build(problems)
    over = call.arguments["over"]
    if over is FAILED:
        problems.raise_all()
    if SEED in over.entries:
        reason = "seeds have their own key: `sweep.seeds`."
        problems.add(over.entries.pop(SEED).where, child("sweep.over", SEED), reason)
    axes = grid.read_axes(over, "sweep.over", binder)
    problems.raise_if_any()
    _check_trials(call, axes, problems)
    problems.raise_if_any()
    return call, axes


def _check_trials(call: Call, axes: tuple[grid.Axis, ...], problems: Problems) -> None:
    count, random = call.arguments["trials"], grid.first_random(axes)
    where, path = call.place("trials")
    if call.arguments["search"] is not None:
        if count is None:
            problems.add(call.where, path, "a search must know how many trials to make.")
        if "draw_seed" in call.places:
            reason = f"nothing is drawn in a search, got {call.arguments['draw_seed']}."
            way_out = "Its choices are decided by `sweep.search.seed`. Leave this out."
            problems.add(*call.place("draw_seed"), f"{reason} {way_out}")
    elif random and count is None:
        problems.add(where, path, f"{random} has a random range: say how many trials to draw.")
    elif not random and count is not None:
        reason = "nothing is random: lists and grids have as many trials as combinations."
        problems.add(where, path, f"{reason} Leave it out.")
    total = grid.combinations(axes) if count is None else count
    if total > grid.MAX_TRIALS:
        reason = f"must have at most {grid.MAX_TRIALS} trials, got {total}."
        problems.add(call.where, "sweep", reason)
