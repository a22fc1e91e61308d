"""One cycle, up and down to nearly nothing, after Smith and Topin."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._numbers import default_float
from ae_optax._time import remaining
from ae_optax._types import Scalar
from ae_optax._values import blend, half_wave
from ae_optax.schedules._arguments import check_inside_unit_interval


def one_cycle(
    max_value: Scalar,
    *,
    duration: Scalar,
    warmup_share: Scalar = 0.3,
    init_factor: Scalar = 0.04,
    end_factor: Scalar = 4e-6,
) -> optax.Schedule:
    r"""Rise to a large value along half a cosine wave, and fall along another to nearly nothing.

    .. math::

        \eta_t &= \begin{cases}
            \eta_0 + (\eta_{\max} - \eta_0)\,
            \tfrac12 \left(1 - \cos \pi \tfrac{t}{r T}\right) & t < r T \\
            \eta_T + (\eta_{\max} - \eta_T)\,
            \tfrac12 \left(1 + \cos \pi \tfrac{t - r T}{T - r T}\right) & r T \le t < T \\
            \eta_T & t \ge T
        \end{cases} \\
        \eta_0 &= f_0\, \eta_{\max}, \quad \eta_T = f_1\, \eta_{\max}

    The waves are those of fastai, PyTorch and Optax; the paper has straight lines. Here
    :math:`r T` is not rounded: Optax truncates it to a whole step, PyTorch peaks one step
    sooner.

    Args:
        max_value: :math:`\eta_{\max} \ge 0`, met at step :math:`r T`.
        duration: :math:`T > 0`, in steps.
        warmup_share: :math:`r \in (0, 1)`, the part of the duration spent rising.
        init_factor: :math:`f_0 \ge 0`, the first value over the largest.
        end_factor: :math:`f_1 \ge 0`, the last value over the largest, kept afterwards.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If ``max_value`` or a factor is negative or not finite, ``duration`` not
            positive, or ``warmup_share`` outside (0, 1).

    References:
        Smith and Topin, `Super-Convergence: Very Fast Training of Neural Networks Using Large
        Learning Rates <https://arxiv.org/abs/1708.07120>`_, 2017.
    """
    check_non_negative("max_value", max_value)
    check_positive("duration", duration)
    check_inside_unit_interval("warmup_share", warmup_share)
    check_non_negative("init_factor", init_factor)
    check_non_negative("end_factor", end_factor)

    def schedule(step):
        top = default_float(max_value)
        rise = default_float(duration) * default_float(warmup_share)
        fall = default_float(duration) - rise
        init_value, end_value = top * default_float(init_factor), top * default_float(end_factor)
        up = blend(top, init_value, half_wave(remaining(step, rise)))
        down = blend(end_value, top, half_wave(remaining(step, fall, begin=rise)))
        return jnp.where(default_float(step) < rise, up, down)

    return schedule
