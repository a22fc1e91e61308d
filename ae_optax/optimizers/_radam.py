"""RAdam."""

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
    rectify,
    root,
    scale_by_learning_rate,
    square,
)


@transformation
def radam(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    threshold: Scalar = 5.0,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step as Adam, as far as the second moment can be trusted.

    With :math:`\hat m_t` and :math:`\hat v_t` as in :func:`adam`,

    .. math::

        \theta_t = \theta_{t-1} - \eta_t \begin{cases}
            r_t\, \hat m_t / (\sqrt{\hat v_t} + \epsilon) & \text{if } \rho_t \ge \rho_{\min} \\
            \hat m_t & \text{otherwise}
        \end{cases}

    where :math:`\rho_t`, the length of the moving average, and the rectification :math:`r_t` are
    those of :func:`~ae_optax.rectify`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        threshold: :math:`\rho_{\min}`, the shortest trusted length, at least 4: the paper
            has 4, its authors' program 5.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1), ``eps`` not
            positive or ``threshold`` below 4.
        TypeError: If one of them is not a number.

    References:
        Liu et al., `On the Variance of the Adaptive Learning Rate and Beyond
        <https://arxiv.org/abs/1908.03265>`_, ICLR 2020.
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
                root(),
                add(eps),
                rectify(b2, threshold=threshold),
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )
