"""KL-Shampoo: whitening in a basis found by Kullback-Leibler divergence."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._companion import companion
from ae_optax.optimizers._refreshing import refreshing
from ae_optax.transforms import (
    Refresh,
    average,
    chain,
    decay_after_step,
    delay,
    for_matrices,
    freeze,
    in_basis,
    kl_gram,
    orthogonal_iteration,
    scale_by_learning_rate,
    switch,
    turned,
    view,
    whiten,
)


@transformation
def kl_shampoo(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.98,
    eps: Scalar = 1e-8,
    refresh_every: int | Refresh = 10,
    block_size: int | None = None,
    others: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.01,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Whiten an average gradient by the Kronecker product nearest to its covariance.

    Of every (m, n) matrix :math:`G_t`, with averages from zero and, for the inverse roots of
    eigenvalues, :math:`s_L, s_R` from :math:`0.1^{-1/2}`,

    .. math::

        M_t &= \beta_1\, M_{t-1} + (1 - \beta_1)\, G_t \\
        U_t &= Q_L\, \frac{(Q_L^\top M_t\, Q_R) \circ S}{1 + \epsilon\, S}\, Q_R^\top, \qquad
            S = s_L\, s_R^\top \\
        \theta_t &= (1 - \eta_t \lambda)\, (\theta_{t-1} - \eta_t\, U_t) \\
        L_t &= \beta_2\, L_{t-1} + \tfrac{1 - \beta_2}{n}\, X X^\top, \qquad
            X = G_t\, Q_R\, \mathrm{diag}(s_R) \\
        s_L^{-2} &\leftarrow \beta_2\, s_L^{-2}
            + \tfrac{1 - \beta_2}{n}\, \mathrm{diag}(Q_L^\top X X^\top Q_L)

    and alike for :math:`R`. The first gradient moves nothing: the bases become the eigenvectors of
    its statistics. Every few steps they follow by :math:`Q \leftarrow \mathrm{qr}(L\, Q)`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the statistics.
        eps: :math:`\epsilon > 0`, in units of the gradient.
        refresh_every: Steps from one time that bases follow to the next, at least 1, or
            :func:`~ae_optax.rolling`.
        block_size: The longest side of a block: longer sides are cut, and every block has bases of
            its own. ``None``: a leaf is one block.
        others: For leaves with fewer than two axes, without a learning rate: it has the same.
            ``None``: Adam with decays 0.9 and 0.95.
        weight_decay: :math:`\lambda \ge 0`, decoupled, of the parameters after the step.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``eps`` not positive,
            ``b1`` or ``b2`` outside [0, 1), or ``refresh_every`` or ``block_size`` less than 1; in
            ``update``, if ``params`` is missing.
        TypeError: If a number is none, or ``others`` no gradient transformation.

    References:
        Lin et al., `Understanding and improving Shampoo and SOAP via Kullback-Leibler Minimization
        <https://arxiv.org/abs/2509.03378>`_, 2025.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    direction = in_basis(
        kl_gram(b2),
        inner=delay(chain(turned(average(b1)), whiten(eps=eps)), steps=1),
        basis=orthogonal_iteration(),
        refresh=refreshing(refresh_every),
        view=view(block_size),
    )
    return switch(
        at=1,
        before=freeze(),
        after=chain(
            for_matrices(direction, others=companion(others)),
            scale_by_learning_rate(learning_rate),
            decay_after_step(
                weight_decay, learning_rate=learning_rate, weight_decay_mask=weight_decay_mask
            ),
        ),
    )
