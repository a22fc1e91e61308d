"""``torch.optim.Adam`` and ``torch.optim.AdamW``."""

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
    running_max,
    square,
)


@transformation
def adam(
    lr: ScalarOrSchedule = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0,
    amsgrad: bool = False,
    *,
    foreach: bool | None = None,
    maximize: bool = False,
    capturable: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Adam``.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}` unless decay is decoupled,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{m_t / (1 - \beta_1^t)}
            {\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    With ``amsgrad``, :math:`v_t` is replaced by the largest :math:`v` so far. PyTorch takes the
    maximum *before* the correction, the paper and Optax without one or after it.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        betas: :math:`\beta_1, \beta_2 \in [0, 1)`.
        eps: :math:`\epsilon \ge 0`, outside the root; with 0, a coordinate without gradient
            becomes NaN.
        weight_decay: :math:`\lambda \ge 0`: an L2 penalty, or decoupled.
        amsgrad: Whether to divide by the largest second moment so far.
        foreach: Without meaning here.
        maximize: Whether to climb.
        capturable: Without meaning here.
        differentiable: Without meaning here.
        fused: Without meaning here.
        decoupled_weight_decay: Whether the decay acts beside the step, times the rate (AdamW).

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or a switch not a boolean.

    References:
        PyTorch 2.13, `Adam <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html>`_.
    """
    check_without_meaning(
        foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused
    )
    check_betas(betas)
    check_non_negative("eps", eps)
    check_flag("amsgrad", amsgrad)
    check_flag("decoupled_weight_decay", decoupled_weight_decay)
    b1, b2 = betas
    return descend_in_pairs(
        lr,
        quotient(
            numerator=chain(average(b1), correct_bias(b1)),
            denominator=chain(
                square(),
                average(b2),
                # Before the correction, which shrinks from step to step and would spoil it.
                *((running_max(),) if amsgrad else ()),
                correct_bias(b2),
                root(),
                add(eps),
            ),
        ),
        weight_decay=weight_decay,
        decoupled=decoupled_weight_decay,
        maximize=maximize,
    )


@transformation
def adamw(
    lr: ScalarOrSchedule = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    foreach: bool | None = None,
    capturable: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.AdamW``: :func:`adam` with decay beside the step, times the rate.

    With the step :math:`u_t` of :func:`adam`,

    .. math::

        \theta_t = (1 - \eta_t\,\lambda)\,\theta_{t-1} - \eta_t\, u_t

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        betas: :math:`\beta_1, \beta_2 \in [0, 1)`.
        eps: :math:`\epsilon \ge 0`, outside the root; with 0, a coordinate without gradient
            becomes NaN.
        weight_decay: :math:`\lambda \ge 0`.
        amsgrad: Whether to divide by the largest second moment so far.
        maximize: Whether to climb.
        foreach: Without meaning here.
        capturable: Without meaning here.
        differentiable: Without meaning here.
        fused: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or a switch not a boolean.

    References:
        PyTorch 2.13, `AdamW
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.AdamW.html>`_.
    """
    return adam(
        lr,
        betas,
        eps,
        weight_decay,
        amsgrad,
        foreach=foreach,
        maximize=maximize,
        capturable=capturable,
        differentiable=differentiable,
        fused=fused,
        decoupled_weight_decay=True,
    )
