"""Files become configs, or one error that names every mistake in them."""

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ae_optax.lab.config import _compare, _sweep
from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._check import check_optimizer
from ae_optax.lab.config._comparison import ComparisonConfig, ComparisonSections
from ae_optax.lab.config._marks import FAILED
from ae_optax.lab.config._namespaces import kinds as all_kinds
from ae_optax.lab.config._overrides import override
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._schema import RunConfig, SweepConfig, Trial
from ae_optax.lab.config._types import Kind
from ae_optax.lab.config._values import anything, shown
from ae_optax.lab.config._yaml import Table, parse, read_text

COMMANDS = {
    "sweep": "this is a sweep: use `ae-optax sweep`.",
    "compare": "this is a comparison: use `ae-optax compare`.",
    "optimizer": "this is a single run: use `ae-optax train`.",
}
"""Which section makes a config what it is, and what to do with one of another sort."""


def load_run(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
) -> RunConfig:
    """Read the config of a run, and check all of it but the data.

    Args:
        path: A YAML file.
        overrides: Changes such as ``optimizer.learning_rate=1e-2``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.

    Returns:
        The config, every default filled in; ``config.optimizer.build()`` makes the optimizer.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    problems = Problems()
    root = _read(path, overrides, problems, "optimizer")
    run = _run(root, Binder(all_kinds() if kinds is None else kinds, problems))
    problems.raise_if_any()
    assert run is not None
    return run


def load_sweep(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
) -> SweepConfig:
    """Read the config of a sweep, and check every run of it but the data.

    Args:
        path: A YAML file.
        overrides: Changes such as ``sweep.trials=40``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.

    Returns:
        The runs, every default filled in; of a search, examples.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    problems = Problems()
    root = _read(path, overrides, problems, "sweep", "optimizer")
    binder = Binder(all_kinds() if kinds is None else kinds, problems)
    source = anything(root)
    section, axes = _sweep.section(root, binder)
    del root.entries["sweep"]
    seeds = _compare.seeds(section, problems)

    def make(values, problems):
        run = _run(_sweep.filled(root, values, problems), replace(binder, problems=problems))
        return None if run is None else Trial(_sweep.named(values, run.plain()), run)

    def at(point):
        problems = Problems()
        trial = make(_sweep.at(axes, point), problems)
        problems.raise_if_any()
        assert trial is not None
        return trial

    trials, tried = {}, set()
    for values in _sweep.trials(section, axes):
        known, tried = tried, tried | set(map(_sweep.place, values))
        if len(problems) and tried == known:
            continue  # Its mistakes have been named.
        own = Problems()
        trial = make(values, own)
        problems.extend(own)
        if trial is not None:  # Rounding may make two the same.
            trials.setdefault(json.dumps(trial.config.identity()), trial)
    problems.raise_if_any()
    found = tuple(trials.values())
    if seeds:
        found = tuple(replace(trial, config=trial.run(seeds[0])) for trial in found)
    search = _sweep.search(section, axes, at)
    return SweepConfig(found, seeds or (found[0].config.training.seed,), source, search)


def load_comparison(
    path: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    kinds: Mapping[str, Kind] | None = None,
) -> ComparisonConfig:
    """Read the config of a comparison, and check all of it but the data.

    Args:
        path: A YAML file.
        overrides: Changes such as ``compare.contenders[1].learning_rates.count=5``.
        kinds: What the config may name; by default all public names of ``ae_optax`` and Optax.

    Returns:
        The config, every default filled in; ``config.run(setting, seed)`` is a run of it.

    Raises:
        ConfigError: If anything is wrong with the file; one line for each problem.
    """
    problems = Problems()
    root = _read(path, overrides, problems, "compare")
    binder = Binder(all_kinds() if kinds is None else kinds, problems, swept=True)
    sections = binder.arguments(ComparisonSections, None, root.entries, root.where, "")
    training = _check_parts(sections, problems)
    compare = sections.arguments["compare"]
    if not isinstance(compare, Call):
        problems.raise_all()
    _compare.check_section(compare, problems)
    _compare.check_to_the_end(sections.arguments["training"], training, problems)
    contenders = _compare.contenders(compare, root, binder)
    seeds = _compare.seeds(compare, problems)
    problems.raise_if_any()
    names = ("data", "model", "loss", "corruption", "metrics")
    parts = {name: sections.arguments[name] for name in names}
    said = {name: compare.arguments[name] for name in ("trials", "draw_seed", "target")}
    return ComparisonConfig(**parts, **said, training=training, contenders=contenders, seeds=seeds)


def description(path: str | os.PathLike[str]) -> str:
    """Return the comment that a config file opens with: its question, command, expectation.

    A line that is indented further continues the one before.

    Raises:
        ConfigError: If the file cannot be read.
    """
    comment = itertools.takewhile(lambda line: line.startswith("#"), read_text(path).splitlines())
    text = "\n".join(line[1:].removeprefix(" ").rstrip() for line in comment)
    return re.sub(r"\n\s+(?=\S)", " ", text).strip()


def read_file(path: str | os.PathLike[str], problems: Problems) -> Table:
    """Return what a file says; a file that is no mapping is a problem that ends it."""
    root = parse(read_text(path), Where(str(path), 1, 1), problems)
    if root is not None and not isinstance(root, Table):
        reason = f"a config is a mapping of sections, got {shown(root)}."
        problems.add(root.where, "", reason)
    if not isinstance(root, Table):
        problems.raise_all()
    return root


def _read(path, overrides, problems: Problems, *own: str) -> Table:
    """Return what a file says, changes included; it must have one of the sections ``own``."""
    root = read_file(path, problems)
    sorts = [section for section in COMMANDS if section in root.entries]
    if sorts and sorts[0] not in own and (sorts[0] == "sweep" or not set(sorts) & set(own)):
        problems.add(root.entries[sorts[0]].where, sorts[0], COMMANDS[sorts[0]])
        problems.raise_all()
    override(root, overrides, problems)
    return root


def _run(root: Table, binder: Binder) -> RunConfig | None:
    """Return the run that ``root`` means, or ``None`` if there are problems."""
    sections = binder.arguments(RunConfig, None, root.entries, root.where, "")
    training = _check_parts(sections, binder.problems)
    optimizer = sections.arguments["optimizer"]
    if isinstance(optimizer, Call):
        check_optimizer(optimizer, binder.problems)
    checkpoints = sections.arguments["checkpoints"]
    if isinstance(checkpoints, Call):
        checkpoints = checkpoints.try_build(binder.problems)
    if len(binder.problems):
        return None
    made = {"training": training, "checkpoints": checkpoints}
    return RunConfig(**{**sections.arguments, **made})


def _check_parts(sections, problems):
    metrics = sections.arguments["metrics"]
    names = ("model", "loss", "corruption")
    for part in (*(sections.arguments[name] for name in names), *(metrics or ())):
        if isinstance(part, Call):
            part.try_build(problems)
    training = sections.arguments["training"]
    return training.try_build(problems) if isinstance(training, Call) else FAILED
