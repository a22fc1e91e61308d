"""Cycles of the rate, and of the momentum against it."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp

from ae_optax._checks import (
    check_at_least,
    check_finite,
    check_non_negative,
    check_one_of,
    check_positive,
    check_rule,
)
from ae_optax._numbers import default_float
from ae_optax._time import cycles, fraction
from ae_optax._types import Scalar
from ae_optax._values import power
from ae_optax.compat.torch._arguments import check_flag
from ae_optax.compat.torch._scheduler import Group, Scheduler, as_float, jumping


def cyclic_lr(
    lr: Scalar,
    base_lr: Scalar,
    max_lr: Scalar,
    step_size_up: Scalar = 2000,
    step_size_down: Scalar | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: Scalar = 1.0,
    scale_fn: Callable[[Any], Any] | None = None,
    scale_mode: Literal["cycle", "iterations"] = "cycle",
    cycle_momentum: bool = True,
    base_momentum: Scalar = 0.8,
    max_momentum: Scalar = 0.9,
) -> Scheduler:
    r"""Swing between two rates along straight lines.

    In cycle :math:`c = 1, 2, \dots`, at the share :math:`x \in [0, 1]` of the way up,

    .. math::

        \eta(t) = \eta_{\min} + (\eta_{\max} - \eta_{\min})\, x\, s

    with :math:`s = 1`, :math:`2^{1 - c}` or :math:`\gamma^t` by ``mode``.

    Args:
        lr: The rate PyTorch reads from its optimizer and replaces by ``base_lr``: without effect.
        base_lr: :math:`\eta_{\min} \ge 0`.
        max_lr: :math:`\eta_{\max} \ge 0`.
        step_size_up: Steps up, at least 1.
        step_size_down: Steps down, at least 1; ``None`` for as many as up.
        mode: Which :math:`s`; ignored with ``scale_fn``.
        gamma: :math:`\gamma \ge 0` of ``"exp_range"``.
        scale_fn: :math:`s` as a function of the cycle or of the step, in ``jax.numpy``.
        scale_mode: What ``scale_fn`` is a function of.
        cycle_momentum: Whether the schedule's ``momentum`` is the momentum that goes with it: a
            schedule, to be passed on by ``optax.inject_hyperparams``. The rate is the same.
        base_momentum: The momentum at the highest rate.
        max_momentum: The momentum at the lowest rate.

    Returns:
        A schedule.

    Raises:
        ValueError: If a number is out of its range, or ``mode`` or ``scale_mode`` unknown.
        TypeError: If an argument is of another kind.

    References:
        Smith, `Cyclical Learning Rates for Training Neural Networks
        <https://arxiv.org/abs/1506.01186>`_, WACV 2017.
        PyTorch 2.13, ``torch.optim.lr_scheduler.CyclicLR``.
    """
    down = step_size_up if step_size_down is None else step_size_down
    check_non_negative("base_lr", base_lr)
    check_non_negative("max_lr", max_lr)
    check_at_least("step_size_up", step_size_up, 1)
    check_at_least("step_size_down", down, 1)
    check_non_negative("gamma", gamma)
    check_one_of("mode", mode, ("triangular", "triangular2", "exp_range"))
    check_one_of("scale_mode", scale_mode, ("cycle", "iterations"))
    amplitude = {
        "triangular": lambda _t, _cycle: 1,
        "triangular2": lambda _t, cycle: 1 / 2 ** (cycle - 1),
        "exp_range": lambda t, _cycle: power(gamma, t),
    }[mode]
    if scale_fn is not None:
        given = scale_fn

        def amplitude(t, cycle):
            return default_float(given(cycle if scale_mode == "cycle" else t))

    def swing(t):
        count, taken, left = cycles(t, step_size_up + down)
        rises = default_float(taken) <= default_float(step_size_up)
        height = jnp.where(rises, fraction(taken, step_size_up), fraction(left, down))
        return height * amplitude(as_float(t), 1 + as_float(count))

    def between(low, high):
        def value(t):
            start, end = default_float(low), default_float(high)
            return start + (end - start) * swing(t)

        return value

    momentum = _momentum(
        cycle_momentum, base_momentum, max_momentum, between(max_momentum, base_momentum)
    )

    def make(group):
        # PyTorch sets the lowest rate after the initial step, so that this one starts, and
        # stays for one step, at the initial rate.
        initial = default_float(base_lr) if group.initial is None else group.initial
        return jumping(between(base_lr, max_lr)), Group(initial, initial)

    return Scheduler(lr, make, momentum=momentum)


def one_cycle_lr(
    lr: Scalar,
    max_lr: Scalar,
    total_steps: Scalar | None = None,
    epochs: Scalar | None = None,
    steps_per_epoch: Scalar | None = None,
    pct_start: Scalar = 0.3,
    anneal_strategy: Literal["cos", "linear"] = "cos",
    cycle_momentum: bool = True,
    base_momentum: Scalar = 0.85,
    max_momentum: Scalar = 0.95,
    div_factor: Scalar = 25.0,
    final_div_factor: Scalar = 1e4,
    three_phase: bool = False,
) -> Scheduler:
    r"""Rise from :math:`\eta_{\max} / d` to :math:`\eta_{\max}` and fall below where it began.

    Between the ends of its phases, :math:`p\,T - 1` and :math:`T - 1` (with three phases
    :math:`p\,T - 1`, :math:`2 p\,T - 2` and :math:`T - 1`), it runs along half cosines or straight
    lines: up to :math:`\eta_{\max}` and down to :math:`\eta_{\max} / (d\, d_\infty)`, with three
    phases by way of :math:`\eta_{\max} / d`. After :math:`T - 1` it stays, where PyTorch raises.

    Args:
        lr: The rate PyTorch reads from its optimizer and replaces: without effect.
        max_lr: :math:`\eta_{\max} \ge 0`.
        total_steps: :math:`T`, above 1; ``None`` for ``epochs * steps_per_epoch``.
        epochs: Passes through the data.
        steps_per_epoch: Steps in each.
        pct_start: :math:`p \in [0, 1]`, the share of the rise.
        anneal_strategy: Along half cosines (``"cos"``) or straight lines (``"linear"``).
        cycle_momentum: Whether the schedule's ``momentum`` is the momentum that goes with it: a
            schedule, to be passed on by ``optax.inject_hyperparams``. The rate is the same.
        base_momentum: The momentum at the highest rate.
        max_momentum: The momentum at the beginning and at the end.
        div_factor: :math:`d > 0`.
        final_div_factor: :math:`d_\infty > 0`.
        three_phase: Whether the fall has two parts.

    Returns:
        A schedule.

    Raises:
        ValueError: If a number is out of its range, ``anneal_strategy`` is unknown, or the number
            of steps is missing.
        TypeError: If an argument is of another kind.

    References:
        Smith and Topin, `Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates <https://arxiv.org/abs/1708.07120>`_, 2017.
        PyTorch 2.13, ``torch.optim.lr_scheduler.OneCycleLR``.
    """
    check_non_negative("max_lr", max_lr)
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                "`total_steps` must be given, or both `epochs` and `steps_per_epoch`, got "
                f"{total_steps!r}, {epochs!r} and {steps_per_epoch!r}."
            )
        check_at_least("epochs", epochs, 1)
        check_at_least("steps_per_epoch", steps_per_epoch, 1)
        total_steps = epochs * steps_per_epoch
    check_at_least("total_steps", total_steps, 2)
    check_non_negative("pct_start", pct_start)
    check_rule("pct_start", pct_start, "lie in [0, 1]", lambda v: v <= 1)
    check_one_of("anneal_strategy", anneal_strategy, ("cos", "linear"))
    check_positive("div_factor", div_factor)
    check_positive("final_div_factor", final_div_factor)
    check_flag("three_phase", three_phase)

    def along(*values):
        """Return the schedule through ``values`` at step 0 and at the ends of the phases."""

        def schedule(t):
            t = as_float(t)
            share, total = default_float(pct_start), default_float(total_steps)
            turns = [share * total - 1, 2 * share * total - 2][: 1 + three_phase]
            ends = [default_float(0.0), *turns, total - 1]
            heights = [default_float(v) for v in values]
            result = heights[-1]
            # From the last phase to the first: the first one that has not ended counts.
            for i in reversed(range(len(ends) - 1)):
                # A phase may be of no length: it has then passed, also at step 0, where
                # PyTorch divides by zero.
                length = ends[i + 1] - ends[i]
                passed = jnp.where(
                    length == 0, 1, (t - ends[i]) / jnp.where(length == 0, 1, length)
                )
                value = _anneal(anneal_strategy, heights[i], heights[i + 1], passed)
                result = jnp.where(t <= ends[i + 1], value, result)
            return result

        return schedule

    first, peak, last = 1 / div_factor, 1.0, 1 / (div_factor * final_div_factor)
    turns = (first, peak, first, last) if three_phase else (first, peak, last)
    top, low = max_momentum, base_momentum
    momentums = (top, low, top, top) if three_phase else (top, low, top)
    momentum = _momentum(cycle_momentum, base_momentum, max_momentum, along(*momentums))
    rule = jumping(along(*(max_lr * turn for turn in turns)))

    def make(_group):
        initial = default_float(max_lr * first)
        return rule, Group(initial, initial)

    return Scheduler(lr, make, is_one_cycle=True, momentum=momentum)


def _anneal(strategy, start, end, passed):
    if strategy == "cos":
        return end + (start - end) / 2 * (jnp.cos(jnp.pi * passed) + 1)
    return (end - start) * passed + start


def _momentum(cycle_momentum, base_momentum, max_momentum, schedule):
    check_flag("cycle_momentum", cycle_momentum)
    check_finite("base_momentum", base_momentum)
    check_finite("max_momentum", max_momentum)
    return schedule if cycle_momentum else None
