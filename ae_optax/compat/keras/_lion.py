"""Keras's Lion."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import chain, interpolated_average, scale_by_learning_rate, sign


@transformation
def lion(
    learning_rate: ScalarOrSchedule = 0.001,
    beta_1: Scalar = 0.9,
    beta_2: Scalar = 0.99,
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
    r"""Step as ``keras.optimizers.Lion``.

    .. math::

        \theta_t &= \theta_{t-1}
            - \eta_t \operatorname{sign}(\beta_1\, m_{t-1} + (1 - \beta_1)\, g_t) \\
        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        beta_1: :math:`\beta_1 \in (0, 1)`, the weight of the past in the sign.
        beta_2: :math:`\beta_2 \in [0, 1)`, the decay of what is remembered.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``beta_1`` outside (0, 1), ``beta_2`` outside
            [0, 1), or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Lion <https://keras.io/api/optimizers/lion/>`_, Keras 3.15.
    """
    check_positive("beta_1", beta_1)
    check_in_unit_interval("beta_1", beta_1)
    check_in_unit_interval("beta_2", beta_2)
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
            interpolated_average(beta_1, beta_2), sign(), scale_by_learning_rate(rate)
        ),
        learning_rate,
        common,
    )
