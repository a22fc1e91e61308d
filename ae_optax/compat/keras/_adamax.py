"""Keras's AdaMax: epsilon added to the maximum."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    absolute,
    add,
    average,
    chain,
    correct_bias,
    quotient,
    running_max,
    scale_by_learning_rate,
)


@transformation
def adamax(
    learning_rate: ScalarOrSchedule = 0.001,
    beta_1: Scalar = 0.9,
    beta_2: Scalar = 0.999,
    epsilon: Scalar = 1e-7,
    weight_decay: Scalar | None = None,
    clipnorm: Scalar | None = None,
    clipvalue: Scalar | None = None,
    global_clipnorm: Scalar | None = None,
    use_ema: bool = False,
    ema_momentum: Scalar = 0.99,
    ema_overwrite_frequency: int | None = None,
    loss_scale_factor: Scalar | None = None,
    gradient_accumulation_steps: int | None = None,
    name: str | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``keras.optimizers.Adamax``.

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        u_t &= \max(\beta_2\, u_{t-1}, |g_t|) \\
        \theta_t &= \theta_{t-1} - \frac{\eta_t}{1 - \beta_1^t} \cdot \frac{m_t}{u_t + \epsilon}

    PyTorch adds :math:`\epsilon` to :math:`|g_t|`, inside the maximum.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        beta_1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        beta_2: :math:`\beta_2 \in [0, 1)`, decay of the maximum.
        epsilon: :math:`\epsilon > 0`, in units of the gradient.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``beta_1`` or ``beta_2`` outside [0, 1),
            ``epsilon`` not positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Adamax <https://keras.io/api/optimizers/adamax/>`_, Keras 3.15.
    """
    check_in_unit_interval("beta_1", beta_1)
    check_in_unit_interval("beta_2", beta_2)
    check_positive("epsilon", epsilon)
    del name  # It names variables, and there are none.
    common = Common(
        weight_decay,
        clipnorm,
        clipvalue,
        global_clipnorm,
        use_ema,
        ema_momentum,
        ema_overwrite_frequency,
        loss_scale_factor,
        gradient_accumulation_steps,
    )
    return with_common(
        lambda rate: chain(
            quotient(
                numerator=chain(average(beta_1, dtype="params"), correct_bias(beta_1)),
                denominator=chain(absolute(), running_max(decay=beta_2), add(epsilon)),
            ),
            scale_by_learning_rate(rate),
        ),
        learning_rate,
        common,
    )
