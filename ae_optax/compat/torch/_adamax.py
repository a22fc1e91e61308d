"""``torch.optim.Adamax``."""

import optax

from ae_optax._checks import check_non_negative
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    Betas,
    check_betas,
    check_without_meaning,
    descend_in_pairs,
)
from ae_optax.transforms import (
    absolute,
    add,
    average,
    chain,
    correct_bias,
    quotient,
    running_max,
)


@transformation
def adamax(
    lr: ScalarOrSchedule = 2e-3,
    betas: Betas = (0.9, 0.999),
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0,
    foreach: bool | None = None,
    *,
    maximize: bool = False,
    differentiable: bool = False,
    capturable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Adamax``: :math:`\epsilon` inside the maximum.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        u_t &= \max(\beta_2\, u_{t-1},\, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \frac{\eta_t}{1 - \beta_1^t}\, \frac{m_t}{u_t}

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        betas: :math:`\beta_1, \beta_2 \in [0, 1)`.
        eps: :math:`\epsilon \ge 0`; with 0, a coordinate without gradient becomes NaN.
        weight_decay: :math:`\lambda \ge 0`, an L2 penalty.
        foreach: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.
        capturable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        PyTorch 2.13, `Adamax
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adamax.html>`_.
    """
    check_without_meaning(foreach=foreach, differentiable=differentiable, capturable=capturable)
    check_betas(betas)
    check_non_negative("eps", eps)
    b1, b2 = betas
    return descend_in_pairs(
        lr,
        quotient(
            numerator=chain(average(b1), correct_bias(b1)),
            denominator=chain(absolute(), add(eps), running_max(decay=b2)),
        ),
        weight_decay=weight_decay,
        maximize=maximize,
    )
