"""Gradient descent and its momenta, which differ in where the rate stands in the chain."""

import optax

from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.transforms import chain, scale_by_learning_rate, scale_by_momentum, scale_by_nesterov


@transformation
def sgd(learning_rate: ScalarOrSchedule) -> optax.GradientTransformation:
    r"""Step against the gradient.

    .. math::

        \theta_t = \theta_{t-1} - \eta\, g_t

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative.
        TypeError: If one of them is not a number.

    References:
        Robbins and Monro, `A Stochastic Approximation Method
        <https://doi.org/10.1214/aoms/1177729586>`_, Annals of Mathematical Statistics 22(3), 1951.
    """
    return scale_by_learning_rate(learning_rate)


@transformation
def momentum(
    learning_rate: ScalarOrSchedule, *, momentum: Scalar = 0.9
) -> optax.GradientTransformation:
    r"""Step along a velocity, with the learning rate outside it.

    From :math:`v_0 = 0`,

    .. math::

        v_t &= \mu\, v_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta_t\, v_t

    A change of the rate acts at once on the whole velocity. This is PyTorch's and Optax's
    convention; :func:`classical_momentum` is Keras's. They agree while the rate is constant.

    Optax: ``sgd(momentum=0.9)``.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`; the velocity gathers about :math:`1 / (1 - \mu)` steps.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative or ``momentum`` outside [0, 1).
        TypeError: If one of them is not a number.

    References:
        Polyak, `Some methods of speeding up the convergence of iteration methods
        <https://doi.org/10.1016/0041-5553(64)90137-5>`_, USSR Computational Mathematics and
        Mathematical Physics 4(5), 1964.
    """
    return chain(scale_by_momentum(momentum), scale_by_learning_rate(learning_rate))


@transformation
def classical_momentum(
    learning_rate: ScalarOrSchedule, *, momentum: Scalar = 0.9
) -> optax.GradientTransformation:
    r"""Step along a velocity, with the learning rate inside it.

    From :math:`v_0 = 0`,

    .. math::

        v_t &= \mu\, v_{t-1} + \eta_t\, g_t \\
        \theta_t &= \theta_{t-1} - v_t

    Every gradient keeps the rate at which it came: a change of the rate acts on new gradients only.
    With :math:`\mu = 0` it is :func:`sgd`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`; the velocity gathers about :math:`1 / (1 - \mu)` steps.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative or ``momentum`` outside [0, 1).
        TypeError: If one of them is not a number.

    References:
        Polyak, `Some methods of speeding up the convergence of iteration methods
        <https://doi.org/10.1016/0041-5553(64)90137-5>`_, USSR Computational Mathematics and
        Mathematical Physics 4(5), 1964.
    """
    # The rate first: old steps keep the rate they were taken at.
    return chain(scale_by_learning_rate(learning_rate), scale_by_momentum(momentum))


@transformation
def nesterov(
    learning_rate: ScalarOrSchedule, *, momentum: Scalar = 0.9
) -> optax.GradientTransformation:
    r"""Step along the velocity one step ahead.

    From :math:`v_0 = 0`,

    .. math::

        v_t &= \mu\, v_{t-1} + \eta_t\, g_t \\
        \theta_t &= \theta_{t-1} - (\eta_t\, g_t + \mu\, v_t)

    With :math:`\phi = \theta + \mu v` this is exactly the look-ahead form :math:`v_t = \mu v_{t-1}
    + \eta_t \nabla L(\phi_{t-1} - \mu v_{t-1})`, :math:`\phi_t = \phi_{t-1} - v_t`, under any
    schedule; see :func:`~ae_optax.nesterov_point`. At constant rate PyTorch, Keras and Optax
    agree with it, under a schedule Keras only.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`; the velocity gathers about :math:`1 / (1 - \mu)` steps.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative or ``momentum`` outside [0, 1).
        TypeError: If one of them is not a number.

    References:
        Nesterov, `A method for solving the convex programming problem with convergence rate
        O(1/k^2) <https://www.mathnet.ru/eng/dan46009>`_, Soviet Mathematics Doklady 27, 1983.
        Sutskever, Martens, Dahl and Hinton, `On the importance of initialization and momentum in
        deep learning <https://proceedings.mlr.press/v28/sutskever13.html>`_, ICML 2013.
    """
    return chain(scale_by_learning_rate(learning_rate), scale_by_nesterov(momentum))
