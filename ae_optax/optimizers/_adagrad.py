"""AdaGrad."""

import optax

from ae_optax._checks import check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.transforms import (
    add,
    chain,
    identity,
    quotient,
    root,
    running_sum,
    scale_by_learning_rate,
    square,
)


@transformation
def adagrad(learning_rate: ScalarOrSchedule, *, eps: Scalar = 1e-8) -> optax.GradientTransformation:
    r"""Divide every coordinate's rate by the length of its past gradients.

    Elementwise, from :math:`v_0 = 0`,

    .. math::

        v_t &= v_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{g_t}{\sqrt{v_t + \epsilon}}

    The sum never forgets, so the effective rate falls like :math:`1 / \sqrt t`; coordinates that
    are rarely active keep large steps. PyTorch has :math:`\epsilon` outside the root; Keras and
    Optax start the sum at 0.1.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        eps: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative or ``eps`` not positive.
        TypeError: If one of them is not a number.

    References:
        Duchi, Hazan and Singer, `Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization <https://jmlr.org/papers/v12/duchi11a.html>`_, JMLR 12, 2011.
    """
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=identity(),
            denominator=chain(square(), running_sum(), add(eps), root()),
        ),
        scale_by_learning_rate(learning_rate),
    )
