"""AdaGrad: plain and with momentum."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
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
    scale_by_momentum,
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
    return chain(_scale_by_past_length(eps), scale_by_learning_rate(learning_rate))


@transformation
def adagrad_momentum(
    learning_rate: ScalarOrSchedule, *, momentum: Scalar = 0.9, eps: Scalar = 1e-8
) -> optax.GradientTransformation:
    r"""Step along a velocity of AdaGrad steps, with the learning rate outside it.

    Elementwise, from :math:`v_0 = b_0 = 0`,

    .. math::

        v_t &= v_{t-1} + g_t^2 \\
        b_t &= \mu\, b_{t-1} + \frac{g_t}{\sqrt{v_t + \epsilon}} \\
        \theta_t &= \theta_{t-1} - \eta_t\, b_t

    The velocity gathers steps that are normalised already, so the momentum does not change which
    coordinates are rare. It multiplies the steps by up to :math:`1 / (1 - \mu)`, but the
    effective rate still falls like :math:`1 / \sqrt t`. With :math:`\mu = 0` it is
    :func:`adagrad`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`, decay of the velocity.
        eps: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``momentum`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Duchi, Hazan and Singer, `Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization <https://jmlr.org/papers/v12/duchi11a.html>`_, JMLR 12, 2011.
        Polyak, `Some methods of speeding up the convergence of iteration methods
        <https://doi.org/10.1016/0041-5553(64)90137-5>`_, USSR Computational Mathematics and
        Mathematical Physics 4(5), 1964.
    """
    check_in_unit_interval("momentum", momentum)
    return chain(
        _scale_by_past_length(eps),
        scale_by_momentum(momentum),  # Before the rate: a schedule must not rescale old steps.
        scale_by_learning_rate(learning_rate),
    )


def _scale_by_past_length(eps):
    check_positive("eps", eps)
    return quotient(
        numerator=identity(),
        denominator=chain(square(), running_sum(), add(eps), root()),
    )
