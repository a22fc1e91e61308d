"""What a contender tries: its learning rates, and at each of them what its ``sweep`` varies."""

import copy
import itertools
import json
from dataclasses import replace
from typing import NamedTuple

from ae_optax.lab.config import _sweep
from ae_optax.lab.config._axis import Axis
from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._check import check_optimizer
from ae_optax.lab.config._comparison import Setting
from ae_optax.lab.config._overrides import put, split
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._yaml import Entry, Items, Node, Table, child

MAX_SETTINGS = _sweep.MAX_TRIALS


class Budget(NamedTuple):
    """What decides how many settings a contender tries, and which.

    Attributes:
        trials: How many in all, or ``None`` if that was not said.
        where: Where it was said, or should have been.
        draw_seed: Decides the random ones.
    """

    trials: int | None
    where: Where
    draw_seed: int


class Section(NamedTuple):
    """The places in a contender's section that settings are made from.

    Attributes:
        where: Of ``sweep``.
        path: Of ``sweep``.
        optimizer: As it was written.
        over: What is varied, as it was written; ``None`` for nothing.
    """

    where: Where
    path: str
    optimizer: Node | None
    over: Table | None


def find(root: Table, section: Call, index: int) -> Section:
    """Return the places of a contender's section in the file."""
    path = child(section.path, "sweep")
    node: Node = root
    for key in ("compare", "contenders"):
        node = node.entries[key].node if isinstance(node, Table) and key in node.entries else root
    item = node.items[index] if isinstance(node, Items) else root
    entries: dict[str, Entry] = item.entries if isinstance(item, Table) else {}
    sweep = entries["sweep"].node if "sweep" in entries else None
    where = section.where if sweep is None else sweep.where
    optimizer = entries["optimizer"].node if "optimizer" in entries else None
    return Section(where, path, optimizer, sweep if isinstance(sweep, Table) else None)


def settings(
    optimizer: Call,
    rates: tuple[float, ...],
    section: Section,
    budget: Budget,
    binder: Binder,
) -> tuple[Setting, ...]:
    """Return what a contender tries, the same number of settings at every rate.

    Args:
        optimizer: With one number ``swept``.
        rates: What is put in its place.
        section: Of the contender.
        budget: How many settings, and the seed of the random ones.
        binder: Notes what is wrong; there are no settings then.
    """
    problems, before = binder.problems, len(binder.problems)
    axes = () if section.over is None else _sweep.read_axes(section.over, section.path, binder)
    chosen = _chosen(axes, rates, section, budget, problems) if len(problems) == before else []
    made, known, found = {}, set(), []
    for rate, values in chosen:
        places = set(map(_sweep.place, values))
        if len(problems) > before and places <= known:
            continue  # Its mistakes have been named.
        known |= places
        key = json.dumps([repr(node) for _, node in values])
        if key not in made:
            made[key] = _bound(optimizer, values, section, rate, binder)
        call = made[key]
        if call is not None:
            named = _sweep.named(values, call.plain())
            found.append(Setting(rate, named, call.filled(dict.fromkeys(call.swept(), rate))))
    return tuple(found) if len(problems) == before else ()


def _chosen(
    axes: tuple[Axis, ...],
    rates: tuple[float, ...],
    section: Section,
    budget: Budget,
    problems: Problems,
) -> list[tuple[float, tuple[tuple[Axis, Node], ...]]]:
    """Return pairs of a rate and what is put in which place."""
    random = [axis.path for axis in axes if axis.range is not None]
    if not random:
        values = list(itertools.product(*(_placed(axis) for axis in axes)))
        pairs = list(itertools.product(rates, values))
    elif budget.trials is None:
        reason = f"{random[0]} has a random range: say how many settings to try, `compare.trials`."
        problems.add(section.where, section.path, reason)
        return []
    elif budget.trials % len(rates):
        reason = f"must be a multiple of the {len(rates)} learning rates, got {budget.trials}."
        problems.add(budget.where, "compare.trials", reason)
        return []
    else:
        numbers = itertools.product(range(budget.trials // len(rates)), enumerate(rates))
        # A setting keeps its number, hence its values, when there are more at every rate.
        pairs = [
            (rate, tuple((a, a.draw(budget.draw_seed, n * len(rates) + i)) for a in axes))
            for n, (i, rate) in numbers
        ]
    if len(pairs) > MAX_SETTINGS:
        reason = f"must make at most {MAX_SETTINGS} settings, got {len(pairs)}."
        problems.add(section.where, section.path, reason)
        return []
    return pairs


def _placed(axis: Axis):
    return [(axis, node) for node in axis.nodes]


def _bound(optimizer, values, section, rate, binder):
    """Return the optimizer with values in their places, or ``None`` after a problem."""
    own = Problems()
    call: Call | None = optimizer
    if values:
        node = copy.deepcopy(section.optimizer)
        for axis, value in values:
            steps = split(axis.path) or []
            put(node, steps, copy.deepcopy(value), axis.where, own, optimizer.path)
        call = None if len(own) else _call(node, optimizer.path, replace(binder, problems=own))
    if call is not None and len(call.swept()) != 1:
        reason = "the learning rate has its own key: `learning_rates`."
        own.add(section.where, section.path, reason)
    if call is not None and not len(own):
        check_optimizer(call, own, values=dict.fromkeys(call.swept(), rate))
    binder.problems.extend(own)
    return None if len(own) else call


def _call(node, path, binder):
    call = binder.call(node, ("optimizer",), path)
    return call if isinstance(call, Call) and call.complete else None
