"""AdaDelta."""

import optax

from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.transforms import chain, scale_by_adadelta, scale_by_learning_rate


@transformation
def adadelta(
    learning_rate: ScalarOrSchedule = 1.0, *, decay: Scalar = 0.9, eps: Scalar = 1e-6
) -> optax.GradientTransformation:
    r"""Step by the root mean square of past steps over that of past gradients.

    Elementwise, from :math:`v_0 = u_0 = 0`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \Delta_t &= -\frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        u_t &= \rho\, u_{t-1} + (1 - \rho)\, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} + \eta_t\, \Delta_t

    No learning rate is needed; the factor scales steps on leaving only and is not remembered.

    Args:
        learning_rate: :math:`\eta \ge 0`, a factor: a number, a traced scalar, or a schedule of the
            step from 0.
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, inside both roots; it sets the size of the first steps.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``decay`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Zeiler, `ADADELTA: An Adaptive Learning Rate Method <https://arxiv.org/abs/1212.5701>`_,
        2012.
    """
    return chain(scale_by_adadelta(decay, eps=eps), scale_by_learning_rate(learning_rate))
