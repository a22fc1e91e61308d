"""Schedulers of schedulers: one after the other, and all on one rate."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp

from ae_optax._checks import check_non_negative, is_plain_number, known, shown
from ae_optax._numbers import default_float
from ae_optax._types import Scalar
from ae_optax.compat.torch._scheduler import MOST_STEPS, Rule, Scheduler, step_by_step


def sequential_lr(
    lr: Scalar, schedulers: Sequence[Scheduler], milestones: Sequence[int]
) -> Scheduler:
    r"""Follow one scheduler after the other, each from its own step 0.

    .. math::

        \eta(t) = \eta_i(t - m_i) \quad \text{for } m_i \le t < m_{i+1},\ m_0 = 0

    Only :func:`multiplicative_lr` goes on from where the one before it stopped. A
    :func:`one_cycle_lr` changes the rate that the first scheduler and those made after it take for
    the initial one, and so does a :func:`cyclic_lr` that is made first; PyTorch's numbers are those
    of schedulers made in the order of the list. With a one-cycle after another, or a chain as the
    first, the rate is computed from step to step: anew at every step, in time proportional to
    :math:`t`.

    Args:
        lr: The rate PyTorch reads from its optimizer: that of the schedulers.
        schedulers: :math:`\eta_0, \eta_1, \dots`, made by the other functions of this package. Only
            the first may be a :func:`chained_scheduler`, and none a sequence: there PyTorch fails
            or counts wrongly.
        milestones: :math:`m_1 < m_2 < \dots`, one less than there are schedulers.

    Returns:
        A schedule.

    Raises:
        ValueError: If there are no schedulers, not one milestone less than schedulers, or the
            milestones do not increase, if the schedulers were made from another ``lr``, if two are
            one-cycles, or if one combines others where it may not.
        TypeError: If one of ``schedulers`` was made elsewhere.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.SequentialLR``.
    """
    schedulers, milestones = list(schedulers), list(milestones)
    _check_schedulers(schedulers, lr)
    if len(milestones) != len(schedulers) - 1:
        raise ValueError(
            f"`milestones` must be one less than the {len(schedulers)} schedulers, got "
            f"{shown(milestones)}."
        )
    for position, milestone in enumerate(milestones):
        check_non_negative(f"milestones[{position}]", milestone)
    numbers = [number for number in map(known, milestones) if number is not None]
    if any(later <= earlier for earlier, later in itertools.pairwise([0, *numbers])):
        raise ValueError(f"`milestones` must increase from above 0, got {shown(milestones)}.")
    for position, scheduler in enumerate(schedulers):
        sequences = any(part.is_sequence for part in scheduler.all_parts())
        if sequences or (position and scheduler.parts):
            what = "hold a sequence" if sequences else "be a chain, unless it is the first"
            raise ValueError(
                f"`schedulers[{position}]` must not {what}: PyTorch fails there, or miscounts. Put "
                "its schedulers into this sequence, or this sequence into a chain."
            )
    # A milestone beyond the steps that can be counted is as good as none.
    milestones = [min(m, MOST_STEPS) if is_plain_number(m) else m for m in milestones]
    starts = [0, *milestones]
    # A chain has no closed form; and where a one-cycle is made after it, the first scheduler
    # begins at another rate than the initial one that it found.
    path_dependent = schedulers[0].parts or any(part.is_one_cycle for part in schedulers[1:])

    def make(group):
        rules = []
        for scheduler in schedulers:
            rule, group = scheduler.make(group)
            rules.append(rule)
        begun = default_float(rules[0].begin(group.initial))

        def latest(t, results):
            chosen = results[0]
            for start, result in zip(milestones, results[1:], strict=True):
                chosen = jnp.where(t >= start, result, chosen)
            return chosen

        def value_of(index, t):
            done = jnp.maximum(t - starts[index], 0)
            if index and schedulers[index].continues:
                found = value_of(index - 1, jnp.asarray(starts[index] - 1))
                return rules[index].restart(found) * schedulers[index].factor(done)
            return rules[index].value(done)

        def advance(rate, t):
            results = [rules[0].advance(rate, t)]
            for start, rule in zip(milestones, rules[1:], strict=True):
                done = jnp.maximum(t - start, 0)
                later = rule.advance(rate, jnp.maximum(done, 1))
                results.append(jnp.where(done == 0, rule.restart(rate), later))
            return latest(t, [default_float(result) for result in results])

        def value(t):
            return latest(t, [default_float(value_of(i, t)) for i in range(len(rules))])

        rule = Rule(
            value=step_by_step(begun, advance) if path_dependent else value,
            begin=lambda _: begun,
            advance=advance,
            restart=None,
        )
        return rule, group._replace(rate=begun)

    return Scheduler(lr, make, parts=tuple(schedulers), is_sequence=True)


def chained_scheduler(schedulers: Sequence[Scheduler], optimizer: None = None) -> Scheduler:
    r"""Let several schedulers act on one rate, one after the other at every step.

    Of schedulers that multiply, which are all but :func:`lambda_lr`, the cosines, the cycles and
    the combined ones,

    .. math::

        \eta(t) = \eta \prod_i \frac{\eta_i(t)}{\eta}

    With another among them no such formula exists, and the rate is computed as PyTorch does, from
    step to step: anew at every step, in time proportional to :math:`t`.

    Args:
        schedulers: Made by the other functions of this package, from the same ``lr``.
        optimizer: Without meaning here.

    Returns:
        A schedule.

    Raises:
        ValueError: If there are no schedulers, they were made from different rates, or
            ``optimizer`` is given.
        TypeError: If one of them was made elsewhere.

    References:
        PyTorch 2.13, ``torch.optim.lr_scheduler.ChainedScheduler``.
    """
    if optimizer is not None:
        raise ValueError(
            f"`optimizer` must be left at None, got {shown(optimizer)}: it has no meaning here, "
            "as the optimizer is given the schedule."
        )
    schedulers = list(schedulers)
    _check_schedulers(schedulers)
    lr = schedulers[0].lr
    factors = [s.factor for s in schedulers if s.factor is not None]
    multiply = len(factors) == len(schedulers)

    def factor(t):
        product = default_float(1.0)
        for each in factors:
            product = product * default_float(each(t))
        return product

    def make(group):
        rules = []
        for scheduler in schedulers:
            rule, group = scheduler.make(group)
            rules.append(rule)

        def advance(rate, t):
            for rule in rules:
                rate = default_float(rule.advance(rate, t))
            return rate

        rule = Rule(
            value=(lambda t: group.initial * factor(t))
            if multiply
            else step_by_step(group.rate, advance),
            begin=lambda rate: advance(rate, 0),
            advance=advance,
            restart=None,
        )
        return rule, group

    return Scheduler(lr, make, factor=factor if multiply else None, parts=tuple(schedulers))


def _check_schedulers(schedulers, lr=None):
    if not schedulers:
        raise ValueError("`schedulers` must not be empty, got [].")
    for position, scheduler in enumerate(schedulers):
        if not isinstance(scheduler, Scheduler):
            raise TypeError(
                f"`schedulers[{position}]` must be made by a function of `ae_optax.compat.torch`, "
                f"got {shown(scheduler)}."
            )
    rates = [scheduler.lr for scheduler in schedulers] + ([] if lr is None else [lr])
    if len({float(rate) for rate in rates if is_plain_number(rate)}) > 1:
        raise ValueError(f"`schedulers` must have one `lr`, got {rates!r}.")
    if sum(part.is_one_cycle for s in schedulers for part in s.all_parts()) > 1:
        raise ValueError(
            "`schedulers` must hold one one_cycle_lr at most, got several: in PyTorch the second "
            "changes the rates of the first."
        )
