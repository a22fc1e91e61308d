"""SPlus: the sign of an average, in Shampoo's eigenbasis."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive_integer
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms import (
    add_decayed_weights,
    average,
    average_params,
    chain,
    eigenbasis,
    every,
    gram,
    in_basis,
    scale_by_learning_rate,
    scale_by_mean_side,
    sign,
    turned,
    view,
)


@transformation
def splus(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    average_decay: Scalar = 0.999,
    refresh_every: int = 100,
    block_size: int | None = None,
    weight_decay: Scalar = 0.01,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by the sign of the average gradient, taken in the eigenbasis of Shampoo's statistics.

    Of every (m, n) matrix :math:`G_t`, with averages from zero and :math:`Q_L = Q_R = I` at first,

    .. math::

        M_t &= \beta_1\, M_{t-1} + (1 - \beta_1)\, G_t \\
        U_t &= Q_L\, \mathrm{sign}(Q_L^\top M_t\, Q_R)\, Q_R^\top \\
        \theta_t &= \theta_{t-1} - \tfrac{2}{m + n}\, \eta_t\, (U_t + \lambda\, \theta_{t-1}) \\
        L_t &= \beta_2\, L_{t-1} + (1 - \beta_2)\, G_t G_t^\top, \qquad
        R_t = \beta_2\, R_{t-1} + (1 - \beta_2)\, G_t^\top G_t

    After the first step and then every few the bases become the eigenvectors of :math:`L` and
    :math:`R`. Other leaves step by the sign of their average, times 0.001. Evaluate the model at
    the average of the parameters, which :func:`~ae_optax.evaluation_params` reads from the state:
    steps all of one size never come to rest.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. Its authors advise 0.1 to 0.2 whatever the width.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the statistics.
        average_decay: In [0, 1), decay of the average of the parameters.
        refresh_every: Steps from one time that eigenvectors are taken to the next, at least 1.
        block_size: The longest side of a block: longer sides are cut, and every block has bases of
            its own. ``None``: a leaf is one block.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``b1``, ``b2`` or
            ``average_decay`` outside [0, 1), or ``refresh_every`` or ``block_size`` less than 1; in
            ``update``, if ``params`` is missing.
        TypeError: If a number is none.

    References:
        Frans, Levine and Abbeel, `A Stable Whitening Optimizer for Efficient Neural Network
        Training <https://arxiv.org/abs/2506.07254>`_, 2025.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_in_unit_interval("average_decay", average_decay)
    check_positive_integer("refresh_every", refresh_every)
    return chain(
        in_basis(
            gram(b2),
            inner=chain(turned(average(b1)), sign()),
            basis=eigenbasis(),
            refresh=every(refresh_every, phase=0),
            view=view(block_size),
        ),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_mean_side(),
        scale_by_learning_rate(learning_rate),
        average_params(average_decay),
    )
