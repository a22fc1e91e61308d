"""``torch.optim.SGD``."""

import optax

from ae_optax._checks import check_finite, check_in_unit_interval
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import check_flag, check_without_meaning, descend, in_use
from ae_optax.compat.torch._dampened_momentum import scale_by_dampened_momentum
from ae_optax.transforms import scale_by_momentum, scale_by_nesterov


@transformation
def sgd(
    lr: ScalarOrSchedule = 1e-3,
    momentum: Scalar = 0,
    dampening: Scalar = 0,
    weight_decay: Scalar = 0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
    foreach: bool | None = None,
    differentiable: bool = False,
    fused: bool | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.SGD``: a velocity, dampened but for its start, the rate outside it.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}`,

    .. math::

        v_1 = g_1, \qquad v_t &= \mu\, v_{t-1} + (1 - \tau)\, g_t \\
        \theta_t &= \theta_{t-1} - \eta_t\, v_t

    and with ``nesterov`` :math:`\theta_t = \theta_{t-1} - \eta_t\,(g_t + \mu\, v_t)`.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        momentum: :math:`\mu \in [0, 1)`.
        dampening: :math:`\tau`, finite; the first gradient is not dampened.
        weight_decay: :math:`\lambda \ge 0`, an L2 penalty: it passes through the velocity.
        nesterov: Whether to step along the velocity one step ahead.
        maximize: Whether to climb.
        foreach: Without meaning here.
        differentiable: Without meaning here.
        fused: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, ``nesterov`` goes with a dampening or without
            momentum, or an argument without meaning is not at its default.
        TypeError: If an argument is not a number, or a switch not a boolean.

    References:
        PyTorch 2.13, `SGD <https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html>`_.
    """
    check_without_meaning(foreach=foreach, differentiable=differentiable, fused=fused)
    check_in_unit_interval("momentum", momentum)
    check_finite("dampening", dampening)
    check_flag("nesterov", nesterov)
    if nesterov and (not in_use(momentum) or in_use(dampening)):
        raise ValueError(
            "`nesterov` must go with a `momentum` above 0 and a `dampening` of 0, got "
            f"{momentum!r} and {dampening!r}."
        )
    if not in_use(momentum):
        velocity = ()
    elif nesterov:
        velocity = (scale_by_nesterov(momentum, dtype=None),)
    elif in_use(dampening):
        velocity = (scale_by_dampened_momentum(momentum, dampening=dampening),)
    else:
        velocity = (scale_by_momentum(momentum, dtype=None),)
    return descend(lr, *velocity, weight_decay=weight_decay, maximize=maximize)
