"""Keras's Nadam: with the author's momentum schedule."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    quotient,
    root,
    scale_by_learning_rate,
    scheduled_nesterov_average,
    square,
)


@transformation
def nadam(
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
    r"""Step as ``keras.optimizers.Nadam``.

    With :math:`m_t`, :math:`v_t` as in :func:`adam`,
    :math:`\mu_t = \beta_1 (1 - \tfrac12\, 0.96^t)` and :math:`\Pi_t = \prod_{i \le t} \mu_i`,

    .. math::

        \theta_t = \theta_{t-1} - \frac{\eta_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} \left(
            \frac{\mu_{t+1}\, m_t}{1 - \Pi_t\, \mu_{t+1}} + \frac{(1 - \mu_t)\, g_t}{1 - \Pi_t}
        \right)

    Unlike in Keras's Adam, :math:`\epsilon` comes after the correction.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        beta_1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        beta_2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
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
        `keras.optimizers.Nadam <https://keras.io/api/optimizers/Nadam/>`_, Keras 3.15.
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
                numerator=scheduled_nesterov_average(beta_1, momentum_decay=1.0, dtype="params"),
                denominator=chain(
                    square(), average(beta_2), correct_bias(beta_2), root(), add(epsilon)
                ),
            ),
            scale_by_learning_rate(rate),
        ),
        learning_rate,
        common,
    )
