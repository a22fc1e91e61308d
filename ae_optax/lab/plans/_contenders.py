"""The contenders of a comparison: each an optimizer, and the settings of it that are tried."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from ae_optax._checks import check_positive
from ae_optax.lab.config import FAILED, Binder, Call, Number, Of, Table, anything
from ae_optax.lab.plans import _grid as grid
from ae_optax.lab.plans._check import check_optimizer, check_timed


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


def read_contenders(compare: Call, binder: Binder) -> tuple[Contender, ...]:
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
        at_rate = functools.partial(check_optimizer, values=dict.fromkeys(call.swept(), rate))
        check_timed(call, problems, at_rate)
    return None if len(problems) else call
