"""``torch.optim.NAdam``."""

import optax

from ae_optax._checks import check_non_negative
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    Betas,
    check_betas,
    check_flag,
    check_without_meaning,
    descend_in_pairs,
)
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    quotient,
    root,
    scheduled_nesterov_average,
    square,
)


@transformation
def nadam(
    lr: ScalarOrSchedule = 2e-3,
    betas: Betas = (0.9, 0.999),
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0,
    momentum_decay: Scalar = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    foreach: bool | None = None,
    maximize: bool = False,
    capturable: bool = False,
    differentiable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.NAdam``, with its momentum schedule.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}` unless decay is decoupled,
    :math:`m_t` and :math:`v_t` as in :func:`adam`,
    :math:`\mu_t = \beta_1 (1 - \tfrac12\, 0.96^{\psi t})` and
    :math:`\Pi_t = \prod_{i \le t} \mu_i`,

    .. math::

        \theta_t = \theta_{t-1} - \frac{\eta_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} \left(
            \frac{(1 - \mu_t)\, g_t}{1 - \Pi_t} + \frac{\mu_{t+1}\, m_t}{1 - \Pi_t\, \mu_{t+1}}
        \right)

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        betas: :math:`\beta_1, \beta_2 \in [0, 1)`.
        eps: :math:`\epsilon \ge 0`, outside the root; with 0, a coordinate without gradient
            becomes NaN.
        weight_decay: :math:`\lambda \ge 0`: an L2 penalty, or decoupled.
        momentum_decay: :math:`\psi \ge 0`, how fast the momentum grows.
        decoupled_weight_decay: Whether the decay acts beside the step, times the rate.
        foreach: Without meaning here.
        maximize: Whether to climb.
        capturable: Without meaning here.
        differentiable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or a switch not a boolean.

    References:
        PyTorch 2.13, `NAdam
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.NAdam.html>`_.
    """
    check_without_meaning(foreach=foreach, capturable=capturable, differentiable=differentiable)
    check_betas(betas)
    check_non_negative("eps", eps)
    check_flag("decoupled_weight_decay", decoupled_weight_decay)
    b1, b2 = betas
    return descend_in_pairs(
        lr,
        quotient(
            numerator=scheduled_nesterov_average(b1, momentum_decay=momentum_decay),
            denominator=chain(square(), average(b2), correct_bias(b2), root(), add(eps)),
        ),
        weight_decay=weight_decay,
        decoupled=decoupled_weight_decay,
        maximize=maximize,
    )
