"""Keras's Adam and AdamW: with the paper's "epsilon hat"."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_number, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    correct_root_bias,
    quotient,
    root,
    running_max,
    scale_by_learning_rate,
    square,
)


@transformation
def adam(
    learning_rate: ScalarOrSchedule = 0.001,
    beta_1: Scalar = 0.9,
    beta_2: Scalar = 0.999,
    epsilon: Scalar = 1e-7,
    amsgrad: bool = False,
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
    r"""Step as ``keras.optimizers.Adam``.

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \cdot \frac{m_t}{\sqrt{v_t} + \hat\epsilon}

    The algorithm proper adds :math:`\epsilon` after the correction; it is
    :math:`\hat\epsilon / \sqrt{1 - \beta_2^t}`, 32 times larger in the first step than later.
    With ``amsgrad``, :math:`\max_{i \le t} v_i` stands for :math:`v_t`: the maximum is taken
    before the correction.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        beta_1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        beta_2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        epsilon: :math:`\hat\epsilon > 0`, in units of the gradient.
        amsgrad: Whether the second moment may only grow.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``beta_1`` or ``beta_2`` outside [0, 1),
            ``epsilon`` not positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Adam <https://keras.io/api/optimizers/adam/>`_, Keras 3.15.
    """
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
    direction = adam_direction(beta_1, beta_2, epsilon, amsgrad)
    return with_common(
        lambda rate: chain(direction, scale_by_learning_rate(rate)), learning_rate, common
    )


@transformation
def adamw(
    learning_rate: ScalarOrSchedule = 0.001,
    weight_decay: Scalar = 0.004,
    beta_1: Scalar = 0.9,
    beta_2: Scalar = 0.999,
    epsilon: Scalar = 1e-7,
    amsgrad: bool = False,
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
    r"""Step as ``keras.optimizers.AdamW``: :func:`adam` after a decay of the parameters.

    .. math::

        \theta'_{t-1} = \theta_{t-1} - \eta_t \lambda\, \theta_{t-1}

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        weight_decay: :math:`\lambda \ge 0`, no option here: Keras asks for it.
        beta_1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        beta_2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        epsilon: :math:`\hat\epsilon > 0`, in units of the gradient.
        amsgrad: Whether the second moment may only grow.
        clipnorm: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``beta_1`` or ``beta_2``
            outside [0, 1), ``epsilon`` not positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.AdamW <https://keras.io/api/optimizers/adamw/>`_, Keras 3.15.
    """
    check_number("weight_decay", weight_decay)
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
    direction = adam_direction(beta_1, beta_2, epsilon, amsgrad)
    return with_common(
        lambda rate: chain(direction, scale_by_learning_rate(rate)), learning_rate, common
    )


def adam_direction(
    beta_1: Scalar, beta_2: Scalar, epsilon: Scalar, amsgrad: bool = False
) -> optax.GradientTransformation:
    """Return Keras's Adam before its learning rate."""
    check_in_unit_interval("beta_1", beta_1)
    check_in_unit_interval("beta_2", beta_2)
    check_positive("epsilon", epsilon)
    moment = chain(square(), average(beta_2))
    return quotient(
        numerator=chain(average(beta_1, dtype="params"), correct_bias(beta_1)),
        denominator=chain(
            chain(moment, running_max()) if amsgrad else moment,
            root(),
            add(epsilon),  # Before the correction: the paper's "epsilon hat".
            correct_root_bias(beta_2),
        ),
    )
