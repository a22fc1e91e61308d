"""TNT: Shampoo's matrices of a sampled gradient, inverted."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive, check_positive_integer
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._layer_descent import from_often, layer_descent
from ae_optax.transforms import (
    balanced,
    damped_inverse,
    precondition,
    sampled_gram,
    scale_by_momentum,
)


@transformation
def tnt(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.9,
    b2: Scalar = 0.9,
    damping: Scalar = 0.1,
    refresh_every: int = 20,
    others: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by the natural gradient of each layer, its gradient a matrix-variate normal variable.

    Of every layer, an (m, n) matrix of kernel and bias, with :math:`\hat G_t` the gradient for
    targets drawn from the model and :math:`G_t` that of the loss,

    .. math::

        L_t &= \operatorname{avg}_{\beta_2}(\hat G_t \hat G_t^\top), \qquad
        R_t = \operatorname{avg}_{\beta_2}(\hat G_t^\top \hat G_t), \qquad
        c = \sqrt{\operatorname{tr} L_t / (m n)} \\
        M_t &= \mu\, M_{t-1} + G_t \\
        U_t &= \Big(\frac{L_t}{c\, n} + \epsilon I\Big)^{-1} M_t\,
            \Big(\frac{R_t}{c\, m} + \epsilon I\Big)^{-1}, \qquad
        \theta_t = \theta_{t-1} - \eta_t\, (U_t + w\, \theta_{t-1})

    with averages whose start is left out of them; the authors start them by a pass over the data
    that moves nothing. The inverses are taken every few steps, and at each of the first ones. It
    reads what each layer saw of targets drawn from the model (``sampled_layers``), which the
    trainer gives it; the loss must have a likelihood.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`, of the gradients.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the matrices.
        damping: :math:`\epsilon > 0`, in units of the sampled gradient, whose mean square is
            :math:`c^2`.
        refresh_every: Steps from one time that inverses are taken to the next, at least 1; they are
            taken at each of the first so many, or 20, steps, too.
        others: For leaves that are in no layer, without a learning rate: it has the same.
            ``None``: Adam with decays 0.9 and 0.95.
        weight_decay: :math:`w \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``momentum`` or ``b2``
            outside [0, 1), ``damping`` not positive, or ``refresh_every`` less than 1; in
            ``update``, if ``params`` or ``sampled_layers`` is missing.
        TypeError: If a number is none, or ``others`` no gradient transformation.

    References:
        Ren and Goldfarb, `Tensor Normal Training for Deep Learning Models
        <https://arxiv.org/abs/2106.02925>`_, NeurIPS 2021.
    """
    check_in_unit_interval("b2", b2)
    check_positive("damping", damping)
    check_positive_integer("refresh_every", refresh_every)
    direction = precondition(
        balanced(sampled_gram(b2)),
        root=damped_inverse(damping),
        power=1.0,
        inner=scale_by_momentum(momentum, dtype=None),
        refresh=from_often(refresh_every),
    )
    return layer_descent(
        direction,
        learning_rate,
        others=others,
        weight_decay=weight_decay,
        weight_decay_mask=weight_decay_mask,
    )
