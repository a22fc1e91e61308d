"""How the configs of plans are read: files and mappings, and what is checked before data are."""

import copy
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ae_optax.lab.config import (
    FAILED,
    Accepts,
    Binder,
    Call,
    Entry,
    Kind,
    OwnCode,
    Problems,
    Program,
    Scalar,
    Table,
    Where,
    anything,
    from_python,
    override,
    parse,
    read_text,
    shown,
)
from ae_optax.lab.config import kinds as all_kinds
from ae_optax.lab.plans._check import check_optimizer, check_timed
from ae_optax.lab.plans._run import RunConfig, TrainingSection

Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Program
"""A YAML file, or the same as a program's mapping, see :func:`ae_optax.lab.config.from_python`."""

COMMANDS = {
    "sweep": "this is a sweep: use `ae-optax sweep`.",
    "compare": "this is a comparison: use `ae-optax compare`.",
    "optimizer": "this is a single run: use `ae-optax train`.",
}
"""Which section makes a config what it is, and what to do with one of another sort."""


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


def load_code(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the section ``code`` of a config, and nothing else of it: SHA-256 by name, if any.

    Raises:
        ConfigError: If the section is wrong; one line for each problem.
    """
    problems = Problems()
    said = _expected(_read(path, problems), problems)
    problems.raise_if_any()
    return said or {}


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
        check_timed(optimizer, binder.problems, check_optimizer)
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
            check_timed(part, problems, Call.try_build)
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
