"""Schedules made of schedules: joined at boundaries, warmed up, and two usual shapes."""

from collections.abc import Sequence

import jax.numpy as jnp
import optax

from ae_optax._checks import check_at_least, check_non_negative, check_positive, is_plain_number
from ae_optax._numbers import default_float
from ae_optax._types import Scalar
from ae_optax.schedules._constant import constant
from ae_optax.schedules._cosine import cosine_annealing
from ae_optax.schedules._decay import check_increasing, linear


def join(schedules: Sequence[optax.Schedule], *, boundaries: Sequence[Scalar]) -> optax.Schedule:
    r"""Follow one schedule after the other, each counting its steps from its own beginning.

    With :math:`b_0 = 0`,

    .. math::

        \eta(t) = \eta_i(t - b_i) \quad \text{for } b_i \le t < b_{i+1}

    A schedule that is not in force is asked for its first value and no other, so that what it
    would do elsewhere harms no gradient.

    Args:
        schedules: :math:`\eta_0, \eta_1, \dots`
        boundaries: :math:`b_1 < b_2 < \dots`, the first steps of all schedules but the first.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If there is not one boundary fewer than schedules, or they do not increase.
        TypeError: If a schedule is no function.
    """
    for position, schedule in enumerate(schedules):
        check_schedule(f"schedules[{position}]", schedule)
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(
            f"`boundaries` must be one fewer than the {len(schedules)} schedules, "
            f"got {len(boundaries)}."
        )
    check_increasing("boundaries", boundaries)

    def joined(step):
        t = default_float(step)
        begins = [default_float(b) for b in (0, *boundaries)]
        value = schedules[0](jnp.where(t < begins[1], t, 0) if boundaries else t)
        for schedule, begin in zip(schedules[1:], begins[1:], strict=True):
            value = jnp.where(t < begin, value, schedule(jnp.maximum(t - begin, 0)))
        return value

    return joined


def with_warmup(schedule: optax.Schedule, *, duration: Scalar) -> optax.Schedule:
    r"""Rise in a straight line from zero to a schedule's first value, then follow it.

    .. math::

        \eta(t) = \begin{cases}
            \eta_1(0)\, t / T & \text{if } t < T \\
            \eta_1(t - T) & \text{otherwise}
        \end{cases}

    Args:
        schedule: :math:`\eta_1`.
        duration: :math:`T \ge 0`, in steps. The first step has the value 0.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``duration`` is negative.
        TypeError: If ``schedule`` is no function or ``duration`` not a number.

    References:
        Goyal et al., `Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour
        <https://arxiv.org/abs/1706.02677>`_, section 2.2, 2017.
    """
    check_schedule("schedule", schedule)
    check_non_negative("duration", duration)

    def warmed_up(step):
        t, length = default_float(step), default_float(duration)
        rising = t < length
        value = schedule(jnp.where(rising, 0, t - length))
        return value * jnp.where(rising, t / jnp.where(length > 0, length, 1), 1)

    return warmed_up


def one_cycle(
    max_value: Scalar,
    *,
    duration: Scalar,
    warmup_share: Scalar = 0.3,
    init_factor: Scalar = 0.04,
    end_factor: Scalar = 4e-6,
) -> optax.Schedule:
    r"""Rise once to a high value and fall far below the first, along half cosines.

    From :math:`\eta_0 = f_0\, \eta_{\max}` up to :math:`\eta_{\max}` in :math:`w T` steps, down to
    :math:`\eta_1 = f_1\, \eta_{\max}` in the :math:`(1 - w) T` that are left, and constant
    afterwards.

    Args:
        max_value: :math:`\eta_{\max} \ge 0`.
        duration: :math:`T > 0`, in steps.
        warmup_share: :math:`w \in (0, 1)`.
        init_factor: :math:`f_0 \ge 0`.
        end_factor: :math:`f_1 \ge 0`.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``warmup_share`` is outside (0, 1), ``duration`` not positive or another
            argument negative.
        TypeError: If an argument is not a number.

    References:
        Smith and Topin, `Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates <https://arxiv.org/abs/1708.07120>`_, 2017.
    """
    check_non_negative("max_value", max_value)
    check_positive("duration", duration)
    check_non_negative("init_factor", init_factor)
    check_non_negative("end_factor", end_factor)
    check_positive("warmup_share", warmup_share)
    if is_plain_number(warmup_share) and not warmup_share < 1:
        raise ValueError(f"`warmup_share` must lie in (0, 1), got {warmup_share!r}.")

    def schedule(step):
        t, length = default_float(step), default_float(duration)
        top, share = default_float(max_value), default_float(warmup_share)
        up = share * length
        # Down a cosine from its end is up a cosine.
        rise = cosine_annealing(top, min_value=default_float(init_factor) * top, duration=up)
        fall = cosine_annealing(
            top, min_value=default_float(end_factor) * top, duration=length - up
        )
        return jnp.where(t < up, rise(jnp.maximum(up - t, 0)), fall(jnp.maximum(t - up, 0)))

    return schedule


def warmup_stable_decay(
    max_value: Scalar,
    *,
    warmup: Scalar,
    stable: Scalar,
    decay: Scalar,
    end_value: Scalar = 0.0,
) -> optax.Schedule:
    r"""Rise in a straight line, hold, fall in a straight line, and stay.

    From 0 to :math:`\eta_{\max}` in :math:`T_1` steps, constant for :math:`T_2`, down to
    :math:`\eta_1` in :math:`T_3`.

    Args:
        max_value: :math:`\eta_{\max} \ge 0`.
        warmup: :math:`T_1 \ge 0`, in steps.
        stable: :math:`T_2 \ge 0`, in steps; with the warm-up at least 1.
        decay: :math:`T_3 \ge 1`, in steps.
        end_value: :math:`\eta_1 \ge 0`.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is not a number.

    References:
        Hu et al., `MiniCPM: Unveiling the Potential of Small Language Models with Scalable
        Training Strategies <https://arxiv.org/abs/2404.06395>`_, section 4, 2024.
    """
    check_non_negative("max_value", max_value)
    check_non_negative("end_value", end_value)
    check_non_negative("warmup", warmup)
    check_non_negative("stable", stable)
    check_at_least("decay", decay, 1)
    held = with_warmup(constant(max_value), duration=warmup)
    fall = linear(max_value, end_value=end_value, duration=decay)

    def schedule(step):
        t = default_float(step)
        end = default_float(warmup) + default_float(stable)
        return jnp.where(t < end, held(t), fall(jnp.maximum(t - end, 0)))

    return schedule


def check_schedule(name: str, value: object) -> None:
    """Raise ``TypeError`` unless ``value`` is a function."""
    if not callable(value):
        raise TypeError(f"`{name}` must be a schedule, a function of the step, got {value!r}.")
