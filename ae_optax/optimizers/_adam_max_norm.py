"""Adam with one second moment for each leaf, of its max norm."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    of_max_norm,
    quotient,
    root,
    scale_by_learning_rate,
    square,
)


@transformation
def adam_max_norm(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Divide the debiased average gradient by one running norm for each leaf.

    From :math:`m_0 = v_0 = 0`, with the max norm over all coordinates of one leaf,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, \lVert g_t \rVert_\infty^2
            \quad \text{(a scalar)} \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{m_t / (1 - \beta_1^t)}
            {\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    All coordinates of a tensor share one rate, which the most active of them sets; zeros in a
    sparse gradient do not make it grow. It is *not* :func:`adamax`, whose maximum runs over the
    past of one coordinate. Its state is half of Adam's.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared max norm.
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
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, ICLR 2015.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=chain(average(b1, dtype=mu_dtype), correct_bias(b1)),
            denominator=of_max_norm(
                chain(square(), average(b2, dtype=nu_dtype), correct_bias(b2), root(), add(eps))
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )
