"""AMSGrad."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    quotient,
    root,
    running_max,
    scale_by_learning_rate,
    square,
)


@transformation
def amsgrad(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step as Adam, with a second moment that never shrinks.

    With :math:`\hat m_t` and :math:`\hat v_t` as in :func:`adam`, from :math:`x_0 = 0`,

    .. math::

        x_t &= \max(x_{t-1}, \hat v_t) \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{\hat m_t}{\sqrt{x_t} + \epsilon}

    The maximum is of *debiased* moments, as in Optax; the paper corrects nothing, PyTorch and Keras
    take the maximum first and correct it afterwards.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment and its maximum are stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Reddi, Kale and Kumar, `On the Convergence of Adam and Beyond
        <https://arxiv.org/abs/1904.09237>`_, ICLR 2018.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=chain(average(b1, dtype=mu_dtype), correct_bias(b1)),
            denominator=chain(
                square(),
                average(b2, dtype=nu_dtype),
                correct_bias(b2),
                running_max(dtype=nu_dtype),
                root(),
                add(eps),
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )
