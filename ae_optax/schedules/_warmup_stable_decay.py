"""The schedule whose long middle commits to no end."""

import optax

from ae_optax._checks import check_finite, check_non_negative, check_positive
from ae_optax._types import Scalar
from ae_optax.schedules._combine import with_warmup
from ae_optax.schedules._polynomial import linear


def warmup_stable_decay(
    max_value: Scalar,
    *,
    warmup: Scalar,
    stable: Scalar,
    decay: Scalar,
    end_value: Scalar = 0.0,
) -> optax.Schedule:
    r"""Rise, stay, and decay in a straight line.

    .. math::

        \eta_t = \begin{cases}
            \dfrac{t + 1}{w + 1}\, \eta_{\max} & t < w \\
            \eta_{\max} & w \le t < w + s \\
            \eta_1 + (\eta_{\max} - \eta_1)
            \max\left(0,\, 1 - \dfrac{t - w - s}{d}\right) & t \ge w + s
        \end{cases}

    The rise is :func:`with_warmup`. Training can be prolonged from any step of the stable
    stretch, and decay from there. MiniCPM itself decays exponentially; Hägele et al. compare
    shapes of the decay, this one among them.

    Args:
        max_value: :math:`\eta_{\max}`, the value of the stable stretch.
        warmup: :math:`w \ge 0`, in steps.
        stable: :math:`s \ge 0`, in steps.
        decay: :math:`d > 0`, in steps.
        end_value: :math:`\eta_1`, kept from step :math:`w + s + d` on.

    Returns:
        A schedule.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a value is not finite, a duration negative or not finite, or ``decay``
            zero.

    References:
        Hu et al., `MiniCPM: Unveiling the Potential of Small Language Models with Scalable
        Training Strategies <https://arxiv.org/abs/2404.06395>`_, COLM 2024, section 4.

        Hägele et al., `Scaling Laws and Compute-Optimal Training Beyond Fixed Training
        Durations <https://arxiv.org/abs/2405.18392>`_, NeurIPS 2024.
    """
    check_finite("max_value", max_value)
    check_finite("end_value", end_value)
    check_non_negative("warmup", warmup)
    check_non_negative("stable", stable)
    check_positive("decay", decay)
    held = linear(max_value, end_value=end_value, duration=decay, begin=stable)
    return with_warmup(held, duration=warmup)
