"""Keras's cosine schedules: with warm-up, and with restarts."""

import jax.numpy as jnp
import optax

from ae_optax import schedules
from ae_optax._checks import check_at_least, check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import restarts
from ae_optax._types import Scalar
from ae_optax._values import half_wave, power


def cosine_decay(
    initial_learning_rate: Scalar,
    decay_steps: Scalar,
    alpha: Scalar = 0.0,
    name: str | None = "CosineDecay",
    warmup_target: Scalar | None = None,
    warmup_steps: Scalar = 0,
) -> optax.Schedule:
    r"""Fall as ``keras.optimizers.schedules.CosineDecay``.

    With :math:`\eta_1 = \eta_0` and :math:`W = 0` if there is no target,

    .. math::

        \eta(t) = \begin{cases}
            \eta_0 + (\eta_1 - \eta_0)\, t / W & t < W \\
            \eta_1 \left(\alpha + (1 - \alpha)\, \tfrac12
                \left(1 + \cos\frac{\pi \min(t - W, T)}{T}\right)\right) & t \ge W
        \end{cases}

    Args:
        initial_learning_rate: :math:`\eta_0 \ge 0`.
        decay_steps: :math:`T > 0`, in steps, after the warm-up.
        alpha: :math:`\alpha \ge 0`, what is left at the end, as a share of the top.
        name: Without meaning here.
        warmup_target: :math:`\eta_1 \ge 0`; ``None`` for no warm-up, whatever ``warmup_steps``.
        warmup_steps: :math:`W \ge 0`, in steps.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``decay_steps`` is not positive or another argument negative.
        TypeError: If one of them is not a number.
    """
    del name
    check_non_negative("initial_learning_rate", initial_learning_rate)
    check_positive("decay_steps", decay_steps)
    check_non_negative("alpha", alpha)
    check_non_negative("warmup_steps", warmup_steps)
    half_cosine = schedules.cosine_annealing(1.0, duration=decay_steps)

    def falling(top, step):
        share = default_float(alpha)
        return default_float(top) * ((1 - share) * half_cosine(step) + share)

    if warmup_target is None:
        return lambda step: falling(initial_learning_rate, step)
    check_non_negative("warmup_target", warmup_target)

    def schedule(step):
        t, w = default_float(step), default_float(warmup_steps)
        start, top = default_float(initial_learning_rate), default_float(warmup_target)
        warming = t < w
        # Safe numbers where a branch is not taken, or its gradient would be NaN.
        rising = start + (top - start) * t / jnp.where(warming, w, 1)
        return jnp.where(warming, rising, falling(top, t - w))

    return schedule


def cosine_decay_restarts(
    initial_learning_rate: Scalar,
    first_decay_steps: Scalar,
    t_mul: Scalar = 2.0,
    m_mul: Scalar = 1.0,
    alpha: Scalar = 0.0,
    name: str | None = "SGDRDecay",
) -> optax.Schedule:
    r"""Fall and jump back as ``keras.optimizers.schedules.CosineDecayRestarts``.

    Cycle :math:`i = 0, 1, \dots` lasts :math:`T_i = T_0\, t^i` steps from :math:`s_i`. In it

    .. math::

        \eta = \eta_0 \left(\alpha + (1 - \alpha)\, m^i\, \tfrac12
            \left(1 + \cos\frac{\pi (t - s_i)}{T_i}\right)\right)

    Keras finds the cycle by a logarithm, which at the very step of a restart may fall short; here
    it is exact.

    Args:
        initial_learning_rate: :math:`\eta_0 \ge 0`.
        first_decay_steps: :math:`T_0 > 0`, in steps.
        t_mul: :math:`t \ge 1`, how much longer each cycle is than the one before.
        m_mul: :math:`m > 0`, by which the top changes at each restart.
        alpha: :math:`\alpha \ge 0`, what is left at the end, as a share of the start.
        name: Without meaning here.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``first_decay_steps`` or ``m_mul`` is not positive, ``t_mul`` below 1 or
            another argument negative.
        TypeError: If one of them is not a number.
    """
    del name
    check_non_negative("initial_learning_rate", initial_learning_rate)
    check_positive("first_decay_steps", first_decay_steps)
    check_at_least("t_mul", t_mul, 1)
    check_positive("m_mul", m_mul)
    check_non_negative("alpha", alpha)

    def schedule(step):
        share = default_float(alpha)
        count, left = restarts(step, first_decay_steps, t_mul)
        wave = power(m_mul, count) * half_wave(left)
        return default_float(initial_learning_rate) * ((1 - share) * wave + share)

    return schedule
