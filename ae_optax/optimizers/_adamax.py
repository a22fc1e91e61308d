"""AdaMax, and Adam with a p-norm for any p on the way there."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    absolute,
    add,
    average,
    chain,
    correct_bias,
    power,
    quotient,
    running_max,
    scale_by_learning_rate,
)


@transformation
def adamax(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Divide the debiased average gradient by the fading largest gradient.

    Elementwise, from :math:`m_0 = u_0 = 0`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        u_t &= \max(\beta_2\, u_{t-1}, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{m_t}{(1 - \beta_1^t)\, u_t}

    The limit of :func:`adam_p_norm` as :math:`p \to \infty`. The maximum is over *time*, for each
    coordinate alone; :func:`adam_max_norm` takes it over the coordinates of a leaf. The paper has
    no :math:`\epsilon` and divides by zero on a coordinate that never moved; here it stands where
    PyTorch and Optax have it.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the norm of past gradients.
        eps: :math:`\epsilon > 0`, in units of the gradient.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the norm is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, section 7.1, ICLR 2015.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=chain(average(b1, dtype=mu_dtype), correct_bias(b1)),
            denominator=chain(absolute(), add(eps), running_max(decay=b2, dtype=nu_dtype)),
        ),
        scale_by_learning_rate(learning_rate),
    )


@transformation
def adam_p_norm(
    learning_rate: ScalarOrSchedule,
    *,
    p: Scalar = 4.0,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Divide the debiased average gradient by a debiased running p-norm.

    Elementwise, from :math:`m_0 = v_0 = 0`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2^p\, v_{t-1} + (1 - \beta_2^p)\, |g_t|^p \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{m_t / (1 - \beta_1^t)}
            {\left( v_t / (1 - \beta_2^{p t}) \right)^{1/p} + \epsilon}

    With :math:`p = 2` it is :func:`adam` with the decay :math:`\beta_2^2`; as :math:`p \to \infty`
    it becomes :func:`adamax`. Powers of small gradients underflow and of large ones overflow: in
    float32 at :math:`p = 16`, anything below 0.004 or above 256 is lost.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        p: :math:`p > 0`, the order of the norm.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the norm of past gradients.
        eps: :math:`\epsilon > 0`, in units of the gradient.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the norm is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``p`` or ``eps`` not positive or ``b1`` or
            ``b2`` outside [0, 1).
        TypeError: If one of them is not a number.

    References:
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, section 7.1, ICLR 2015.
    """
    check_positive("p", p)
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    decay = b2**p
    return chain(
        quotient(
            numerator=chain(average(b1, dtype=mu_dtype), correct_bias(b1)),
            denominator=chain(
                absolute(),
                power(p),
                average(decay, dtype=nu_dtype),
                correct_bias(decay),
                power(1 / p),
                add(eps),
            ),
        ),
        scale_by_learning_rate(learning_rate),
    )
