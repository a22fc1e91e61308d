"""``torch.optim.RAdam``."""

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
    correct_root_bias,
    quotient,
    rectify,
    root,
    square,
)


@transformation
def radam(
    lr: ScalarOrSchedule = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0,
    decoupled_weight_decay: bool = False,
    *,
    foreach: bool | None = None,
    maximize: bool = False,
    capturable: bool = False,
    differentiable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.RAdam``: the correction reaches :math:`\epsilon` too.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}` unless decay is decoupled,
    :math:`m_t` and :math:`v_t` as in :func:`adam`, :math:`\rho_t` and :math:`r_t` as in
    :func:`~ae_optax.rectify`,

    .. math::

        \theta_t = \theta_{t-1} - \eta_t\, \frac{m_t}{1 - \beta_1^t} \cdot \begin{cases}
            r_t\, \dfrac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon} & \rho_t > 5 \\
            1 & \text{otherwise} \end{cases}

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        betas: :math:`\beta_1, \beta_2 \in [0, 1)`.
        eps: :math:`\epsilon \ge 0`, outside the root and before the correction; with 0, a
            coordinate without gradient becomes NaN.
        weight_decay: :math:`\lambda \ge 0`: an L2 penalty, or decoupled.
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
        PyTorch 2.13, `RAdam
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.RAdam.html>`_.
    """
    check_without_meaning(foreach=foreach, capturable=capturable, differentiable=differentiable)
    check_betas(betas)
    check_non_negative("eps", eps)
    check_flag("decoupled_weight_decay", decoupled_weight_decay)
    b1, b2 = betas
    return descend_in_pairs(
        lr,
        quotient(
            numerator=chain(average(b1), correct_bias(b1)),
            denominator=chain(
                square(),
                average(b2),
                root(),
                add(eps),
                correct_root_bias(b2),  # After epsilon, unlike Adam.
                rectify(b2, threshold=5.0),
            ),
        ),
        weight_decay=weight_decay,
        decoupled=decoupled_weight_decay,
        maximize=maximize,
    )
