"""NAdam: with constant momentum, and with its author's momentum schedule."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    nesterov_average,
    quotient,
    root,
    scale_by_learning_rate,
    scheduled_nesterov_average,
    square,
)


@transformation
def nadam(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step as Adam, along the average gradient one step ahead.

    With :math:`m_t` and :math:`\hat v_t` as in :func:`adam`,

    .. math::

        \theta_t = \theta_{t-1} - \frac{\eta_t}{\sqrt{\hat v_t} + \epsilon} \left(
            \frac{\beta_1\, m_t}{1 - \beta_1^{t+1}} + \frac{(1 - \beta_1)\, g_t}{1 - \beta_1^t}
        \right)

    The momentum is constant, as in Optax; :func:`nadam_scheduled` has the author's.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Dozat, `Incorporating Nesterov Momentum into Adam
        <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`_, ICLR workshop 2016.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=nesterov_average(b1, dtype=mu_dtype),
            denominator=chain(
                square(), average(b2, dtype=nu_dtype), correct_bias(b2), root(), add(eps)
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )


@transformation
def nadam_scheduled(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    momentum_decay: Scalar = 4e-3,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step as NAdam, with a momentum that grows to its full value.

    With :math:`m_t` and :math:`\hat v_t` as in :func:`adam`,
    :math:`\mu_t = \beta_1 (1 - \tfrac12\, 0.96^{\psi t})` and
    :math:`\Pi_t = \prod_{i \le t} \mu_i`,

    .. math::

        \theta_t = \theta_{t-1} - \frac{\eta_t}{\sqrt{\hat v_t} + \epsilon} \left(
            \frac{\mu_{t+1}\, m_t}{1 - \Pi_t\, \mu_{t+1}} + \frac{(1 - \mu_t)\, g_t}{1 - \Pi_t}
        \right)

    PyTorch computes this, and Keras with :math:`\psi = 1`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        momentum_decay: :math:`\psi \ge 0`, how fast the momentum grows.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1), ``eps`` not
            positive or ``momentum_decay`` negative.
        TypeError: If one of them is not a number.

    References:
        Dozat, `Incorporating Nesterov Momentum into Adam
        <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`_, ICLR workshop 2016.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=scheduled_nesterov_average(b1, momentum_decay=momentum_decay, dtype=mu_dtype),
            denominator=chain(
                square(), average(b2, dtype=nu_dtype), correct_bias(b2), root(), add(eps)
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )
