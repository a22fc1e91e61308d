"""The section ``sweep``: what to vary, in which trials, from which seeds."""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ae_optax.lab.config import _compare
from ae_optax.lab.config._axis import Axis, Range
from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._marks import FAILED
from ae_optax.lab.config._names import match
from ae_optax.lab.config._overrides import put, split
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._schema import Grid, RunConfig, SweepSection, Trial
from ae_optax.lab.config._search import Search
from ae_optax.lab.config._suggest import nearest
from ae_optax.lab.config._types import annotations
from ae_optax.lab.config._values import anything, shown
from ae_optax.lab.config._yaml import Items, Node, Number, Table, child

SEED = "training.seed"
MAX_TRIALS = 10_000


def section(root: Table, binder: Binder) -> tuple[Call, tuple[Axis, ...]]:
    """Read the section of ``root``: its arguments, and what it varies."""
    problems = binder.problems
    given = match(root.entries, [*annotations(RunConfig), "sweep"], None, "", problems)
    if "sweep" not in given:
        problems.add(root.where, "sweep", "the section 'sweep' is missing: it says what to vary.")
        problems.raise_all()
    entry = given["sweep"]
    if not isinstance(entry.node, Table):
        reason = f"expected {{over, seeds, trials, draw_seed, search}}, got {shown(entry.node)}."
        problems.add(entry.node.where, "sweep", reason)
        problems.raise_all()
    call = binder.arguments(SweepSection, None, entry.node.entries, entry.node.where, "sweep")
    _compare.check_section(call, problems)
    if isinstance(call.arguments["search"], Call):
        call.arguments["search"].try_build(problems)
    given = match(entry.node.entries, ["over"], None, "sweep", Problems())
    over = given["over"].node if "over" in given else None
    if not isinstance(over, Table):
        problems.raise_all()
    if SEED in over.entries:
        reason = "seeds have their own key: `sweep.seeds`."
        problems.add(over.entries.pop(SEED).where, child("sweep.over", SEED), reason)
    axes = read_axes(over, "sweep.over", binder)
    problems.raise_if_any()
    _check_trials(call, axes, problems)
    problems.raise_if_any()
    return call, axes


def read_axes(over: Table, path: str, binder: Binder) -> tuple[Axis, ...]:
    """Return what a mapping, at ``path`` of the config, varies; what can be read of it."""
    found = (_axis(key, item, child(path, key), binder) for key, item in over.entries.items())
    # What lies inside another place is varied after it.
    return tuple(sorted(filter(None, found), key=lambda axis: len(split(axis.path) or ())))


def trials(call: Call, axes: tuple[Axis, ...]) -> Iterator[tuple[tuple[Axis, Node], ...]]:
    """Yield what each trial puts where: every combination, or as many random ones as asked for.

    Before a search these are examples.
    """
    count, seed = call.arguments["trials"], call.arguments["draw_seed"]
    if call.arguments["search"] is not None:
        ends = [axis.ends() for axis in axes]
        for number in range(max(map(len, ends))):
            points = [some[number % len(some)] for some in ends]
            yield at(axes, points)
    elif count is None:
        for nodes in itertools.product(*(axis.nodes for axis in axes)):
            yield tuple(zip(axes, nodes, strict=True))
    else:
        for number in range(count):
            yield tuple((axis, axis.draw(seed, number)) for axis in axes)


def at(axes: Sequence[Axis], point: Sequence[float]) -> tuple[tuple[Axis, Node], ...]:
    """Return what the trial at a point of a search puts where."""
    return tuple((axis, axis.at(x)) for axis, x in zip(axes, point, strict=True))


def search(
    call: Call, axes: tuple[Axis, ...], make: Callable[[Sequence[float]], Trial]
) -> Search | None:
    """Return the search that the section asks for, if it does.

    Args:
        call: The section.
        axes: What it varies.
        make: Returns the trial at a point.
    """
    section = call.arguments["search"]
    if section is None:
        return None
    return Search(section.build(), call.arguments["trials"], axes, make)


def filled(root: Table, values: tuple[tuple[Axis, Node], ...], problems: Problems) -> Table:
    """Return ``root`` with the values of a trial in their places."""
    root = copy.deepcopy(root)
    for axis, node in values:
        put(root, split(axis.path) or [], copy.deepcopy(node), axis.where, problems)
    return root


def place(value: tuple[Axis, Node]) -> tuple[str, Where]:
    """Return where a value of a trial goes, and where the config has it."""
    axis, node = value
    return axis.path, node.where


def named(values: tuple[tuple[Axis, Node], ...], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a trial by path; numbers that were worked out as ``plain`` has them."""
    return {
        axis.path: _inside(plain, axis.path) if isinstance(node, Number) else anything(node)
        for axis, node in values
    }


def _inside(plain, path):
    for step in split(path) or ():
        plain = plain[step]
    return plain


def _axis(path, entry, place, binder):
    """Return what is varied at ``path``, or ``None`` after a problem at ``place``."""
    problems, node, where = binder.problems, entry.node, entry.where
    if split(path) is None:
        problems.add(where, place, "expected a path, as in optimizer.learning_rate.")
        return None
    if isinstance(node, Items):
        return _list(path, node, where, place, problems)
    if not isinstance(node, Table):
        reason = (
            "expected a list, {start, stop, count} or {lowest, highest, scale}, "
            f"got {shown(node)}."
        )
        problems.add(node.where, place, reason)
        return None
    record = max((Grid, Range), key=lambda r: _fit(node, r))
    made = binder.arguments(record, None, node.entries, node.where, place).try_build(problems)
    if made is FAILED:
        return None
    if isinstance(made, Range):
        return Axis(path, where, range=made)
    return Axis(path, where, tuple(Number(node.where, x, repr(x)) for x in made.rates()))


def _list(path, node, where, place, problems):
    if not node.items:
        problems.add(node.where, place, "must hold at least one value.")
        return None
    return Axis(path, where, tuple(node.items))


def _fit(node, record):
    """Return how many keys of ``node`` are, or are nearly, fields of ``record``."""
    return sum(bool(nearest(key, annotations(record))) for key in node.entries)


def _check_trials(call: Call, axes: tuple[Axis, ...], problems: Problems) -> None:
    count = call.arguments["trials"]
    where: tuple[Where, str] = (call.places.get("trials", call.where), "sweep.trials")
    random = [axis.path for axis in axes if axis.range is not None]
    if call.arguments["search"] is not None:
        if count is None and "trials" not in call.unread:
            problems.add(call.where, "sweep.trials", "a search must know how many trials to make.")
        if "draw_seed" in call.places:
            reason = f"nothing is drawn in a search, got {call.arguments['draw_seed']}."
            way_out = "Its choices are decided by `sweep.search.seed`. Leave this out."
            problems.add(call.places["draw_seed"], "sweep.draw_seed", f"{reason} {way_out}")
    elif random and count is None and "trials" not in call.unread:
        problems.add(*where, f"{random[0]} has a random range: say how many trials to draw.")
    elif not random and count is not None:
        reason = "nothing is random: lists and grids have as many trials as combinations."
        problems.add(*where, f"{reason} Leave it out.")
    combinations = 1
    for axis in axes:
        combinations *= len(axis.nodes) or 1
    total = combinations if count is None else count
    if total > MAX_TRIALS:
        problems.add(call.where, "sweep", f"must have at most {MAX_TRIALS} trials, got {total}.")
