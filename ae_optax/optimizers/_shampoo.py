"""Shampoo: statistics, inverse root, graft."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive, check_positive_integer
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._refreshing import refreshing
from ae_optax.transforms import (
    Refresh,
    Root,
    Statistic,
    add_decayed_weights,
    chain,
    graft,
    gram,
    identity,
    precondition,
    ridged_root,
    scale_by_learning_rate,
    scale_by_nesterov,
    switch,
    view,
)


@transformation
def shampoo(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-6,
    statistic: Statistic | None = None,
    root: Root | None = None,
    refresh_every: int | Refresh = 20,
    start: int = 5,
    block_size: int | None = 1024,
    magnitude: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Multiply both sides of a gradient with the inverse fourth roots of their statistics.

    Of every matrix :math:`G_t`, from :math:`L_0 = R_0 = \epsilon I`,

    .. math::

        L_t &= \beta_2\, L_{t-1} + (1 - \beta_2)\, G_t G_t^\top, \qquad
        R_t = \beta_2\, R_{t-1} + (1 - \beta_2)\, G_t^\top G_t \\
        P_t &= \hat L^{-1/4}\, G_t\, \hat R^{-1/4}, \qquad
        \hat A = A + \epsilon \max(\lambda_{\max}(A), 10^{-6})\, I \\
        U_t &= P_t\, \frac{\lVert a(G_t) \rVert}{\lVert P_t \rVert} + \lambda\, \theta_{t-1} \\
        M_t &= \beta_1\, M_{t-1} + U_t \\
        \theta_t &= \theta_{t-1} - \eta_t\, (U_t + \beta_1\, M_t)

    and alike for vectors, with :math:`L^{-1/2}`, and tensors. The roots are taken every few steps.
    In the first steps :math:`a(G_t)` itself takes the place of :math:`U_t`, with a momentum of its
    own. This is Google's Shampoo, which grafts each preconditioned gradient before its momentum.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. With the default :math:`a` it has the scale of a rate for momentum.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the momentum.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the statistics.
        eps: :math:`\epsilon > 0`: what the roots add, as a share of the largest eigenvalue.
        statistic: What is learned of the gradients; ``None``: their Gram matrices, as above.
        root: How inverse roots are taken; ``None``: :func:`~ae_optax.ridged_root`, as above.
        refresh_every: Steps from one time that roots are taken to the next, at least 1, or
            :func:`~ae_optax.rolling`. They are
            most of the cost.
        start: How many steps :math:`a` goes by itself, at least 1.
        block_size: The longest side of a block: longer sides are cut, and every block has roots of
            its own. ``None``: a leaf is one block.
        magnitude: :math:`a`, whose length each step has; ``None``: the gradient's own.
        weight_decay: :math:`\lambda \ge 0`, coupled: it goes through the momentum.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``eps`` not positive,
            ``b1`` or ``b2`` outside [0, 1), or ``refresh_every``, ``start`` or ``block_size`` less
            than 1.
        TypeError: If a number is none.

    References:
        Gupta, Koren and Singer, `Shampoo: Preconditioned Stochastic Tensor Optimization
        <https://arxiv.org/abs/1802.09568>`_, ICML 2018.
        Anil, Gupta, Koren, Regan and Singer, `Scalable Second Order Optimization for Deep Learning
        <https://arxiv.org/abs/2002.09018>`_, 2020.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    check_positive_integer("start", start)
    magnitude = identity() if magnitude is None else magnitude

    def descent(direction):
        return chain(
            direction,
            add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
            scale_by_nesterov(b1, dtype=None),
        )

    direction = precondition(
        gram(b2, initial=eps) if statistic is None else statistic,
        root=ridged_root(eps) if root is None else root,
        refresh=refreshing(refresh_every),
        view=view(block_size, fewest_axes=1),
    )
    return chain(
        switch(
            at=start,
            before=descent(magnitude),
            after=descent(graft(direction=direction, magnitude=magnitude)),
        ),
        scale_by_learning_rate(learning_rate),
    )
