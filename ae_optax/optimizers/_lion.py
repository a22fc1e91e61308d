"""Lion."""

import optax

from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add_decayed_weights,
    chain,
    interpolated_average,
    scale_by_learning_rate,
    sign,
)


@transformation
def lion(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
    mu_dtype: StorageDType = "params",
) -> optax.GradientTransformation:
    r"""Step by the sign of an average, the same length in every coordinate.

    Elementwise, from :math:`m_0 = 0`,

    .. math::

        c_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t \\
        \theta_t &= \theta_{t-1} - \eta_t\,(\operatorname{sign} c_t + \lambda\, \theta_{t-1})

    Its steps are longer than Adam's: take a rate 3 to 10 times smaller, and a decay as many times
    larger.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, weight of the past in the step.
        b2: :math:`\beta_2 \in [0, 1)`, decay of what is remembered.
        weight_decay: :math:`\lambda \ge 0`, decoupled: it acts beside the gradient, times the
            learning rate.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1) or
            ``weight_decay`` negative.
        TypeError: If one of them is not a number.

    References:
        Chen et al., `Symbolic Discovery of Optimization Algorithms
        <https://arxiv.org/abs/2302.06675>`_, NeurIPS 2023.
    """
    return chain(
        interpolated_average(b1, b2, dtype=mu_dtype),
        sign(),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )
