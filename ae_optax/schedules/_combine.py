"""Schedules made of schedules."""

from collections.abc import Sequence

import jax.numpy as jnp
import optax

from ae_optax._checks import check_boundaries, check_non_negative, check_positive, shown
from ae_optax._numbers import default_float
from ae_optax._time import align, cycles, fraction, passed, since
from ae_optax._types import Scalar
from ae_optax.schedules._arguments import check_schedule


def with_warmup(schedule: optax.Schedule, *, duration: Scalar) -> optax.Schedule:
    r"""Rise in a straight line to where a schedule starts, then follow it from its step 0.

    .. math::

        \eta_t = \begin{cases}
            \dfrac{t + 1}{w + 1}\, f(0) & t < w \\
            f(t - w) & t \ge w
        \end{cases}

    The line is zero one step before the first, so that step 0 is not wasted, and meets
    :math:`f(0)` at step :math:`w`: exactly :math:`w` steps are taken below it, and none is
    taken twice. Without a warm-up, :math:`w = 0`, it is :math:`f`.

    Args:
        schedule: :math:`f`, which begins when the warm-up has ended.
        duration: :math:`w \ge 0`, in steps.

    Returns:
        A schedule.

    Raises:
        TypeError: If ``schedule`` is no function or ``duration`` no number.
        ValueError: If ``duration`` is negative or not finite.

    References:
        Goyal et al., `Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour
        <https://arxiv.org/abs/1706.02677>`_, 2017, section 2.2.
    """
    check_schedule("schedule", schedule)
    check_non_negative("duration", duration)

    def warmed(step):
        risen = fraction(default_float(step) + 1, default_float(duration) + 1)
        return jnp.minimum(risen, 1) * default_float(schedule(since(step, duration)))

    return warmed


def join(schedules: Sequence[optax.Schedule], *, boundaries: Sequence[Scalar]) -> optax.Schedule:
    r"""Follow one schedule after the other, each from its own step 0.

    .. math::

        \eta_t = f_k(t - b_k), \quad b_k \le t < b_{k+1}, \quad
        b_0 = 0,\; b_{n+1} = \infty

    A schedule is never asked for a step outside its own stretch. Nothing it would do there, be
    it a pole, can reach the value or a gradient.

    Args:
        schedules: :math:`f_0, \dots, f_n`.
        boundaries: :math:`0 < b_1 < \dots < b_n`, in steps; a boundary is the first step of the
            next schedule.

    Returns:
        A schedule.

    Raises:
        TypeError: If one of ``schedules`` is no function, or ``boundaries`` no sequence of
            numbers.
        ValueError: If ``boundaries`` are not positive and strictly increasing, or not one fewer
            than ``schedules``.
    """
    if callable(schedules) or not hasattr(schedules, "__iter__"):
        raise TypeError(f"`schedules` must be a sequence of schedules, got {shown(schedules)}.")
    pieces = tuple(schedules)
    for k, piece in enumerate(pieces):
        check_schedule(f"schedules[{k}]", piece)
    begins = (0, *check_boundaries(boundaries))
    if len(pieces) != len(begins):
        raise ValueError(
            "`schedules` must be one more than `boundaries`, "
            f"got {len(pieces)} and {len(begins) - 1}."
        )

    def joined(step):
        current = passed(step, begins[1:])
        value = jnp.zeros(jnp.shape(step), jnp.result_type(float))
        for k, (piece, begin) in enumerate(zip(pieces, begins, strict=True)):
            active = current == k
            # Selecting among values alone would let an idle piece's infinite slope through.
            own_step = jnp.where(active, since(step, begin), 0)
            value = jnp.where(active, default_float(piece(own_step)), value)
        return value

    return joined


def held(schedule: optax.Schedule, *, period: Scalar) -> optax.Schedule:
    r"""Follow a schedule in stairs: what it is at the start of each period, until the next.

    .. math::

        \eta_t = f\big(\tau \lfloor t / \tau \rfloor\big)

    With the steps of an epoch for :math:`\tau` a rate stays the same within an epoch, as it does
    where a training loop steps its scheduler once an epoch.

    Args:
        schedule: :math:`f`, of the step.
        period: :math:`\tau > 0`, in steps.

    Returns:
        A schedule.

    Raises:
        TypeError: If ``schedule`` is no function or ``period`` no number.
        ValueError: If ``period`` is not positive and finite.
    """
    check_schedule("schedule", schedule)
    check_positive("period", period)

    def on_the_stair(step):
        _, taken, _ = cycles(step, period)
        now, _ = align(step, period)
        return default_float(schedule(now - taken))

    return on_the_stair
