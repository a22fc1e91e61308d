"""``torch.optim.Adadelta``."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import check_without_meaning, descend_in_pairs
from ae_optax.transforms import scale_by_adadelta


@transformation
def adadelta(
    lr: ScalarOrSchedule = 1.0,
    rho: Scalar = 0.9,
    eps: Scalar = 1e-6,
    weight_decay: Scalar = 0,
    foreach: bool | None = None,
    *,
    capturable: bool = False,
    maximize: bool = False,
    differentiable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Adadelta``: the rate scales what leaves, not what is remembered.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \Delta_t &= \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        u_t &= \rho\, u_{t-1} + (1 - \rho)\, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \Delta_t

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        rho: :math:`\rho \in [0, 1)`.
        eps: :math:`\epsilon > 0`, inside both roots.
        weight_decay: :math:`\lambda \ge 0`, an L2 penalty.
        foreach: Without meaning here.
        capturable: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        PyTorch 2.13, `Adadelta
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adadelta.html>`_.
    """
    check_without_meaning(foreach=foreach, capturable=capturable, differentiable=differentiable)
    check_in_unit_interval("rho", rho)
    check_positive("eps", eps)
    return descend_in_pairs(
        lr, scale_by_adadelta(rho, eps=eps), weight_decay=weight_decay, maximize=maximize
    )
