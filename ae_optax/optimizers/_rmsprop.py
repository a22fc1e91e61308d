"""RMSprop: plain, centered and with momentum."""

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
    running_variance,
    scale_by_learning_rate,
    scale_by_momentum,
    scale_by_rms,
)


@transformation
def rmsprop(
    learning_rate: ScalarOrSchedule, *, decay: Scalar = 0.9, eps: Scalar = 1e-8
) -> optax.GradientTransformation:
    r"""Divide every coordinate's rate by its running root mean square.

    Elementwise, from :math:`v_0 = 0`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{g_t}{\sqrt{v_t + \epsilon}}

    The average is not debiased: the first step is :math:`1 / \sqrt{1 - \rho}` times the rate. At a
    constant rate the iterates keep jumping around a minimum by about that rate.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``decay`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Tieleman and Hinton, `Lecture 6.5: RMSProp
        <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>`_, 2012.
    """
    return chain(scale_by_rms(decay, eps=eps), scale_by_learning_rate(learning_rate))


@transformation
def rmsprop_centered(
    learning_rate: ScalarOrSchedule, *, decay: Scalar = 0.9, eps: Scalar = 1e-8
) -> optax.GradientTransformation:
    r"""Divide every coordinate's rate by its running standard deviation.

    Elementwise, from :math:`v_0 = \bar g_0 = 0`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \bar g_t &= \rho\, \bar g_{t-1} + (1 - \rho)\, g_t \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{g_t}{\sqrt{v_t - \bar g_t^2 + \epsilon}}

    The variance :math:`v_t - \bar g_t^2` is computed by a recursion that cannot become negative.

    Optax: ``rmsprop(centered=True)``.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        decay: :math:`\rho \in (0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``decay`` outside (0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Graves, `Generating Sequences With Recurrent Neural Networks
        <https://arxiv.org/abs/1308.0850>`_, equations 38 to 41, 2013.
    """
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=identity(),
            denominator=chain(running_variance(decay), add(eps), root()),
        ),
        scale_by_learning_rate(learning_rate),
    )


@transformation
def rmsprop_momentum(
    learning_rate: ScalarOrSchedule,
    *,
    decay: Scalar = 0.9,
    momentum: Scalar = 0.9,
    eps: Scalar = 1e-8,
) -> optax.GradientTransformation:
    r"""Step along a velocity of RMSprop steps, with the learning rate outside it.

    Elementwise, from :math:`v_0 = b_0 = 0`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        b_t &= \mu\, b_{t-1} + \frac{g_t}{\sqrt{v_t + \epsilon}} \\
        \theta_t &= \theta_{t-1} - \eta_t\, b_t

    Optax: ``rmsprop(momentum=0.9)``.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        momentum: :math:`\mu \in [0, 1)`, decay of the velocity.
        eps: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, a decay outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Tieleman and Hinton, `Lecture 6.5: RMSProp
        <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>`_, 2012.
        Graves, `Generating Sequences With Recurrent Neural Networks
        <https://arxiv.org/abs/1308.0850>`_, equations 38 to 41, 2013.
    """
    check_in_unit_interval("momentum", momentum)
    return chain(
        scale_by_rms(decay, eps=eps),
        scale_by_momentum(momentum),  # Before the rate: a schedule must not rescale old steps.
        scale_by_learning_rate(learning_rate),
    )
