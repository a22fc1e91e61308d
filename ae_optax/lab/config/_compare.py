"""The section ``compare``: budgets made equal, labels unique, one learning rate swept."""

from dataclasses import asdict, is_dataclass
from typing import Any

from ae_optax._checks import check_positive
from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._comparison import Contender
from ae_optax.lab.config._marks import FAILED
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._settings import Budget, find, settings
from ae_optax.lab.config._yaml import Table, child

MAX_SEED = 2**31


def contenders(compare: Call, root: Table, binder: Binder) -> tuple[Contender, ...]:
    """Return those contenders that can be used; a problem says what is wrong with the others.

    Args:
        compare: The section.
        root: The file it is in.
        binder: Reads what a contender's ``sweep`` puts into its optimizer.
    """
    problems = binder.problems
    shared = _rates(compare, problems)
    sections = compare.arguments["contenders"]
    trials, draw_seed = compare.arguments["trials"], compare.arguments["draw_seed"]
    trials = None if trials is None or trials < 1 else trials  # A mistake that has been named.
    budget = Budget(trials, _at(compare, "trials")[0], draw_seed)
    found, labels, first = [], set(), None
    for index, section in enumerate(() if sections is FAILED else sections):
        optimizer = _optimizer(section)
        rates = _rates(section, problems)
        rates = shared if rates is None else rates
        if rates is None:
            reason = "no `learning_rates`: give them here, or for all in `compare`."
            problems.add(section.where, section.path, reason)
        if optimizer is None:
            continue
        sweeps = _sweeps_once(optimizer, problems)
        label = section.arguments["label"] or str(optimizer.name)
        if label in labels:
            reason = f"the label {label!r} is taken. Give each its own `label`."
            problems.add(*_at(section, "label"), reason)
        labels.add(label)
        if not rates or not sweeps:
            continue
        tried = settings(optimizer, rates, find(root, section, index), budget, binder)
        if not tried:
            continue
        first = first or (f"{label} tries" if trials is None else "`trials` says", len(tried))
        if len(tried) != (first[1] if trials is None else trials):
            other = f"{first[0]} {first[1] if trials is None else trials}"
            reason = f"{label} tries {len(tried)} settings, but {other}. All must try equally many."
            key = "sweep" if section.arguments["sweep"] else "learning_rates"
            problems.add(*_at(section, key), reason)
        varied = section.arguments["sweep"] or {}
        found.append(Contender(label, optimizer, rates, varied, tried))
    return tuple(found)


def check_to_the_end(section: Any, training: Any, problems: Problems) -> None:
    """Note settings that end some runs before others: contenders are compared at one budget."""
    given = asdict(training) if is_dataclass(training) and not isinstance(training, type) else {}
    for name in ("patience", "max_minutes"):
        if given.get(name) is not None:
            reason = "must be left out of a comparison: every run goes to the end of its schedule."
            problems.add(*_at(section, name), reason)


def seeds(section: Call, problems: Problems) -> tuple[int, ...]:
    """Return the seeds: 0, 1, ... if their number is given, none if nothing is."""
    given = section.arguments["seeds"]
    if given is None:
        return ()
    values = tuple(range(given)) if isinstance(given, int) else tuple(given)
    where, path = _at(section, "seeds")
    if not values:
        problems.add(where, path, "must be at least one.")
    if len(set(values)) < len(values):
        problems.add(where, path, f"must all be different, got {list(values)}.")
    for seed in values:
        if not 0 <= seed < MAX_SEED:
            problems.add(where, path, f"must lie in [0, {MAX_SEED}), got {seed}.")
    return values


def check_section(section: Call, problems: Problems) -> None:
    """Make the section's dataclass check its own arguments, the calls in it uncalled."""
    if any(value is FAILED for value in section.arguments.values()):
        return
    try:
        section.function(**section.arguments)
    except ValueError as error:
        problems.add(*section.blame(error), str(error), cause=error)


def _optimizer(section):
    optimizer = section.arguments["optimizer"]
    return optimizer if isinstance(optimizer, Call) and optimizer.complete else None


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
        return () if made is FAILED else made.rates()
    before = len(problems)
    where, path = _at(section, "learning_rates")
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


def _at(section: Call, key: str) -> tuple[Where, str]:
    return section.places.get(key, section.where), child(section.path, key)
