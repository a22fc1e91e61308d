"""K-BFGS: quasi-Newton factors of each layer's curvature."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._companion import companion
from ae_optax.transforms import (
    add_decayed_weights,
    average,
    chain,
    for_layers,
    precondition_bfgs,
    scale_by_learning_rate,
)


@transformation
def kbfgs(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.9,
    damping: Scalar = 0.3,
    others: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by two inverse factors of each layer's curvature that BFGS follows.

    Of every layer :math:`s_n = W^\top a_n`, a one for the bias behind :math:`a_n`,

    .. math::

        M_t &= \beta_1\, M_{t-1} + (1 - \beta_1)\, (G_t + w\, \theta_{t-1}) \\
        \theta_t &= \theta_{t-1} - \eta_t\, H_A\, M_t\, H_S

    where :math:`H_A` follows the inverse of :math:`A + \sqrt\lambda\, I` and :math:`H_S` the
    inverse curvature of the loss in the layer's outputs; :func:`~ae_optax.precondition_bfgs` has
    their updates. All is of the loss itself, nothing is drawn, and no matrix is inverted after the
    first step. *Every step takes one more forward and backward pass*, of the same batch at the new
    parameters: count two gradients a step. It reads what each layer saw there and here (``layers``,
    ``layers_at``), which the trainer gives it.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient, whose start at zero is not
            corrected.
        b2: :math:`\beta_2 \in [0, 1)`, decay of :math:`A`.
        damping: :math:`\lambda > 0`.
        others: For leaves that are in no layer, without a learning rate: it has the same.
            ``None``: Adam with decays 0.9 and 0.95.
        weight_decay: :math:`w \ge 0`, coupled: it goes through the average.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``b1`` or ``b2`` outside
            [0, 1), or ``damping`` not positive; in ``update``, if ``params``, ``layers`` or
            ``layers_at`` is missing.
        TypeError: If a number is none, or ``others`` no gradient transformation.

    References:
        Goldfarb, Ren and Bahamou, `Practical Quasi-Newton Methods for Training Deep Neural Networks
        <https://arxiv.org/abs/2006.08877>`_, NeurIPS 2020.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("damping", damping)
    direction = precondition_bfgs(
        inner=average(b1), learning_rate=learning_rate, decay=b2, damping=damping
    )
    return chain(
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        for_layers(direction, others=companion(others)),
        scale_by_learning_rate(learning_rate),
    )
