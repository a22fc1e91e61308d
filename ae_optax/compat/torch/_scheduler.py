"""A learning rate as a function of the step that also knows how PyTorch advances it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, is_plain_number
from ae_optax._numbers import default_float
from ae_optax._types import Scalar

MOST_STEPS = 2**31 - 1
"""As many as a counter comes to."""


class Group(NamedTuple):
    """What the schedulers of one optimizer find in its parameter group, and leave there.

    Attributes:
        rate: The rate in force.
        initial: The rate that all take for the one they begin with, ``None`` before the first.
    """

    rate: Any
    initial: Any = None


class Rule(NamedTuple):
    r"""What a scheduler does once it has met the parameter group.

    Attributes:
        value: Of the step, the rate, if no other scheduler acts on it.
        begin: Of the rate as it is found, that at step 0.
        advance: Of the rate at step :math:`t - 1` and of :math:`t \ge 0`, the rate at :math:`t`.
        restart: Of the rate that another leaves in a sequence, the rate at step 0; ``None`` where
            PyTorch fails.
    """

    value: Callable[[Any], Any]
    begin: Callable[[Any], Any]
    advance: Callable[[Any, Any], Any]
    restart: Callable[[Any], Any] | None


Make = Callable[[Group], tuple[Rule, Group]]


class Scheduler:
    r"""A schedule, made by one of the functions of this package.

    PyTorch computes most rates from the rate before, so that several schedulers can act on one
    rate (``ChainedScheduler``), and some of them change the initial rate that the others read.
    Here each is a function of the step, :math:`\eta(t)`, and keeps beside it what those that
    combine schedulers need.

    Attributes:
        lr: The rate it was given.
        make: Of the parameter group as it is found, the rule and the group as it is left: what
            happens in PyTorch when a scheduler is made.
        factor: :math:`\phi(t)` if :math:`\eta(t) = \eta\,\phi(t)` and PyTorch advances it by
            :math:`\phi(t) / \phi(t - 1)`, else ``None``.
        parts: The schedulers it combines.
        continues: Whether, after another in a sequence, it goes on from the rate it finds.
        is_sequence: Whether it is a sequence.
        is_one_cycle: Whether it changes the initial rate whenever it is made.
        momentum: The momentum that goes with the rate, a schedule, or ``None``: pass it by
            ``optax.inject_hyperparams``.
    """

    def __init__(
        self,
        lr: Scalar,
        make: Make,
        *,
        factor: Callable[[Any], Any] | None = None,
        parts: tuple["Scheduler", ...] = (),
        continues: bool = False,
        is_sequence: bool = False,
        is_one_cycle: bool = False,
        momentum: optax.Schedule | None = None,
    ):
        check_non_negative("lr", lr)
        self.lr = lr
        self.make = make
        self.factor = factor
        self.parts = parts
        self.continues = continues
        self.is_sequence = is_sequence
        self.is_one_cycle = is_one_cycle
        self.momentum = momentum

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate at ``step``, from 0, in the default float dtype."""
        rule, _ = self.make(Group(default_float(self.lr)))
        step = min(step, MOST_STEPS) if is_plain_number(step) else step
        return default_float(rule.value(jnp.asarray(step)))

    def all_parts(self) -> list["Scheduler"]:
        """Return this scheduler and all that it combines, at any depth."""
        return [self, *(inner for part in self.parts for inner in part.all_parts())]


def reading(lr: Scalar, bind: Callable[[Any], Rule], **kind: Any) -> Scheduler:
    """Return a scheduler that follows from the initial rate it finds."""

    def make(group):
        initial = group.rate if group.initial is None else group.initial
        rule = bind(initial)
        return rule, Group(default_float(rule.begin(group.rate)), initial)

    return Scheduler(lr, make, **kind)


def multiplying(
    lr: Scalar,
    factor: Callable[[Any], Any],
    ratio: Callable[[Any], Any],
    *,
    continues: bool = False,
) -> Scheduler:
    """Return a scheduler that multiplies the rate before by ``ratio(t)``, at first by its factor.

    Args:
        lr: The rate.
        factor: Of the step, what all ratios from the first step on make together.
        ratio: Of the step from 0 on.
        continues: Whether it goes on in a sequence from the rate it finds.
    """

    def first(rate):
        return rate * default_float(factor(jnp.zeros([], jnp.int32)))

    def advance(rate, t):
        return rate * default_float(ratio(t))

    def bind(initial):
        return Rule(
            value=lambda t: initial * default_float(factor(t)),
            begin=first,
            advance=advance,
            restart=(lambda rate: advance(rate, 0)) if continues else lambda _: first(initial),
        )

    return reading(lr, bind, factor=factor, continues=continues)


def jumping(value: Callable[[Any], Any]) -> Rule:
    """Return the rule of a scheduler that does not look at the rate before."""
    return Rule(
        value=value,
        begin=lambda _: value(0),
        advance=lambda _, t: value(t),
        restart=lambda _: value(0),
    )


def step_by_step(start: Any, advance: Callable[[Any, Any], Any]) -> Callable[[Any], jax.Array]:
    """Return the schedule that goes from ``start`` through all steps: in time that grows with t."""

    def go(last):
        return jax.lax.fori_loop(
            jnp.int32(1),
            last + 1,
            lambda i, rate: default_float(advance(rate, i)),
            default_float(start),
        )

    def value(t):
        last = jnp.asarray(t).astype(jnp.int32)
        function, numbers = jax.closure_convert(go, last)
        return _differentiable(function, last, numbers)

    return value


# A loop of unknown length is differentiated forwards only. It depends on few numbers: with their
# slopes from going forwards, backwards is a sum. So are the slopes again, to any order.
@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _differentiable(function, last, numbers):
    return function(last, *numbers)


@_differentiable.defjvp
def _(function, primals, tangents):
    last, numbers = primals

    def slopes(last, *numbers):
        return jax.jacfwd(lambda numbers: function(last, *numbers))(numbers)

    found = _differentiable(function, last, numbers)
    change = jax.tree.map(jnp.zeros_like, found)
    for slope, move in zip(_differentiable(slopes, last, numbers), tangents[1], strict=True):
        moved = functools.partial(jnp.tensordot, b=move, axes=move.ndim)
        change = jax.tree.map(jnp.add, change, jax.tree.map(moved, slope))
    return found, change


def as_float(step: Any) -> jax.Array:
    """Return a step as a number of the default float dtype."""
    return jnp.asarray(step).astype(jnp.result_type(float))
