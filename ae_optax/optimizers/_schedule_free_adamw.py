"""Schedule-free AdamW."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms import (
    add,
    add_decayed_weights,
    average,
    chain,
    correct_bias,
    identity,
    quotient,
    root,
    schedule_free,
    square,
)


@transformation
def schedule_free_adamw(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
    warmup_steps: Scalar = 0.0,
) -> optax.GradientTransformation:
    r"""AdamW that averages its iterates instead of decaying its rate.

    Elementwise, from :math:`v = 0, x = y = z`, with the gradient at :math:`y` and for :math:`t =
    0, 1, \dots`,

    .. math::

        v &\leftarrow \beta_2\, v + (1 - \beta_2)\, g^2 \\
        d &= \frac{g}{\sqrt{v / (1 - \beta_2^{t + 1})} + \epsilon} + \lambda\, y \\
        z &\leftarrow z - \gamma_t\, d, \quad
            \gamma_t = \eta_t \min\left(1, \frac{t + 1}{W}\right) \\
        x &\leftarrow (1 - c_t)\, x + c_t\, z \\
        y &\leftarrow (1 - \beta_1)\, z + \beta_1\, x

    where :math:`c_t` is the share of the newest in an average weighted by the largest rate so far,
    squared. The parameters are :math:`y`; evaluate with
    :func:`~ae_optax.evaluation_params`, which returns :math:`x`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0; as a rule a constant, and larger than AdamW's.
        b1: :math:`\beta_1 \in (0, 1)`, share of the average in :math:`y`.
        b2: :math:`\beta_2 \in [0, 1)`; that average spans about :math:`1 / (1 - \beta_2)` steps.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        weight_decay: :math:`\lambda \ge 0`, multiplied by the rate.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.
        warmup_steps: :math:`W \ge 0`: the rate rises for so many steps, from :math:`\eta / W`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``b1`` is outside (0, 1), ``b2`` outside [0, 1), ``eps`` not positive or
            another argument negative; in ``update``, if ``params`` is missing.
        TypeError: If one of them is not a number.

    References:
        Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, `The Road Less Scheduled
        <https://arxiv.org/abs/2405.15682>`_, NeurIPS 2024.
    """
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return schedule_free(
        chain(
            quotient(
                numerator=identity(),
                denominator=chain(square(), average(b2), correct_bias(b2), root(), add(eps)),
            ),
            add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        ),
        learning_rate,
        b1=b1,
        warmup_steps=warmup_steps,
    )
