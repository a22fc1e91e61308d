"""``torch.optim.RMSprop``."""

import optax

from ae_optax._checks import check_in_unit_interval, check_non_negative, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    check_flag,
    check_without_meaning,
    descend_in_pairs,
    in_use,
)
from ae_optax.transforms import (
    add,
    average,
    chain,
    identity,
    quotient,
    root,
    running_variance,
    scale_by_momentum,
    square,
)


@transformation
def rmsprop(
    lr: ScalarOrSchedule = 1e-2,
    alpha: Scalar = 0.99,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0,
    momentum: Scalar = 0,
    centered: bool = False,
    capturable: bool = False,
    foreach: bool | None = None,
    maximize: bool = False,
    differentiable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.RMSprop``: :math:`\epsilon` outside the root, the rate outside it all.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}`,

    .. math::

        v_t &= \alpha\, v_{t-1} + (1 - \alpha)\, g_t^2 \\
        b_t &= \mu\, b_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} \\
        \theta_t &= \theta_{t-1} - \eta_t\, b_t

    With ``centered``, :math:`v_t` is less :math:`\bar g_t^2`, the square of the average gradient.
    PyTorch subtracts the two, which may leave less than zero; here their difference is itself
    remembered (see :func:`~ae_optax.running_variance`): equal but for rounding.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        alpha: :math:`\alpha \in [0, 1)`, above 0 with ``centered``.
        eps: :math:`\epsilon \ge 0`, in units of the gradient; with 0, a coordinate without
            gradient becomes NaN.
        weight_decay: :math:`\lambda \ge 0`, an L2 penalty: it counts in the average.
        momentum: :math:`\mu \in [0, 1)`.
        centered: Whether to divide by the standard deviation of the gradient.
        capturable: Without meaning here.
        foreach: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or a switch not a boolean.

    References:
        PyTorch 2.13, `RMSprop
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.RMSprop.html>`_.
    """
    check_without_meaning(capturable=capturable, foreach=foreach, differentiable=differentiable)
    check_in_unit_interval("alpha", alpha)
    check_in_unit_interval("momentum", momentum)
    check_non_negative("eps", eps)
    check_flag("centered", centered)
    if centered:
        check_positive("alpha", alpha)
    spread = running_variance(alpha) if centered else chain(square(), average(alpha))
    return descend_in_pairs(
        lr,
        quotient(numerator=identity(), denominator=chain(spread, root(), add(eps))),
        *((scale_by_momentum(momentum, dtype=None),) if in_use(momentum) else ()),
        weight_decay=weight_decay,
        maximize=maximize,
    )
