"""``torch.optim.Adagrad``."""

import optax

from ae_optax._checks import check_learning_rate, check_non_negative
from ae_optax._numbers import default_float
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    check_without_meaning,
    descend_in_pairs,
    in_use,
    lr_at,
    steps_done,
)
from ae_optax.transforms import add, chain, identity, quotient, root, running_sum, square


@transformation
def adagrad(
    lr: ScalarOrSchedule = 1e-2,
    lr_decay: Scalar = 0,
    weight_decay: Scalar = 0,
    initial_accumulator_value: Scalar = 0,
    eps: Scalar = 1e-10,
    foreach: bool | None = None,
    *,
    maximize: bool = False,
    differentiable: bool = False,
    fused: bool | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Adagrad``: :math:`\epsilon` outside the root, and a rate that falls.

    With :math:`g_t \leftarrow g_t + \lambda\,\theta_{t-1}`, from :math:`s_0 = \tau`,

    .. math::

        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \frac{\eta_t}{1 + (t - 1)\,\eta_\lambda}\,
            \frac{g_t}{\sqrt{s_t} + \epsilon}

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        lr_decay: :math:`\eta_\lambda \ge 0`, per step.
        weight_decay: :math:`\lambda \ge 0`, an L2 penalty: it counts in the sum.
        initial_accumulator_value: :math:`\tau \ge 0`, in units of the gradient squared.
        eps: :math:`\epsilon \ge 0`, in units of the gradient; with 0, a coordinate without
            gradient becomes NaN.
        foreach: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.
        fused: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is negative, or an argument without meaning is not at its default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        PyTorch 2.13, `Adagrad
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adagrad.html>`_.
    """
    check_without_meaning(foreach=foreach, differentiable=differentiable, fused=fused)
    check_learning_rate("lr", lr)
    check_non_negative("lr_decay", lr_decay)
    check_non_negative("initial_accumulator_value", initial_accumulator_value)
    check_non_negative("eps", eps)

    def falling(step):
        return lr_at(lr, step) / (1 + steps_done(step) * default_float(lr_decay))

    return descend_in_pairs(
        falling if in_use(lr_decay) else lr,
        quotient(
            numerator=identity(),
            denominator=chain(
                square(), running_sum(initial_value=initial_accumulator_value), root(), add(eps)
            ),
        ),
        weight_decay=weight_decay,
        maximize=maximize,
    )
