"""SOAP: Adam in the eigenbasis of Shampoo's statistics."""

from typing import Literal

import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_positive,
    check_rule,
)
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._refreshing import refreshing
from ae_optax.transforms import (
    Refresh,
    Statistic,
    add,
    average,
    chain,
    correct_bias,
    correct_root_bias,
    decay_after_step,
    delay,
    freeze,
    gram,
    in_basis,
    permuted,
    quotient,
    relative_floor,
    root,
    scale_by_learning_rate,
    square,
    switch,
    turned,
    view,
)


@transformation
def soap(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.95,
    b2: Scalar = 0.95,
    eps: Scalar = 1e-8,
    smallest_share: Scalar = 0.0,
    statistic: Statistic | None = None,
    refresh_every: int | Refresh = 10,
    block_size: int | None = None,
    sides: Literal["all", "smaller"] = "all",
    weight_decay: Scalar = 0.01,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step as Adam in the eigenbasis of Shampoo's statistics.

    Of every matrix :math:`G_t`, with averages from zero and :math:`k = t - 1`,

    .. math::

        M_t &= \beta_1\, M_{t-1} + (1 - \beta_1)\, G_t, \qquad
        V_t = \beta_2\, V_{t-1} + (1 - \beta_2)\, (Q_L^\top G_t\, Q_R)^2 \\
        U_t &= Q_L\, \frac{Q_L^\top M_t\, Q_R}{\sqrt{V_t} + \epsilon}\, Q_R^\top \cdot
            \frac{\sqrt{1 - \beta_2^k}}{1 - \beta_1^k} \\
        \theta_t &= (1 - \eta_t \lambda)\, (\theta_{t-1} - \eta_t\, U_t) \\
        L_t &= \beta_2\, L_{t-1} + (1 - \beta_2)\, G_t G_t^\top, \qquad
        R_t = \beta_2\, R_{t-1} + (1 - \beta_2)\, G_t^\top G_t

    and alike for tensors; vectors step as Adam. The first gradient moves nothing: :math:`Q_L` and
    :math:`Q_R` become the eigenvectors of :math:`L_1` and :math:`R_1`, the largest first. Every few
    steps they are sorted anew and follow by :math:`Q \leftarrow \mathrm{qr}(L\, Q)`; :math:`V` is
    sorted with them. This is the authors' own; elsewhere rules that differ from it by 5 to 90 % go
    by the same name.

    Where a gradient has fewer rows than columns :math:`R_1` does not decide all of :math:`Q_R`, and
    what rounding decides instead is felt for some steps.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. About that of Adam, or a little larger.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the second moment and of the statistics.
        eps: :math:`\epsilon > 0`, in units of the gradient, on the second moment before its
            correction.
        smallest_share: In [0, 1]: no root of the second moment is taken for less than this share of
            the largest. 0 is the authors' rule, in which coordinates that only rounding fills step
            like any other; where rows of gradients are always zero, as for pixels at a border, or a
            batch is smaller than a layer, 1e-3 keeps float32 from that.
        statistic: What is learned of the gradients; ``None``: their Gram matrices, as above.
        refresh_every: Steps from one time that bases follow to the next, at least 1, or
            :func:`~ae_optax.rolling`.
        block_size: The longest side of a block: longer sides are cut, and every block has bases of
            its own. ``None``: a leaf is one block.
        sides: ``"all"``, or the ``"smaller"`` side of a block only, for less than half the cost.
        weight_decay: :math:`\lambda \ge 0`, decoupled, of the parameters after the step.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``b1`` or ``b2`` outside
            [0, 1), ``smallest_share`` outside [0, 1], ``eps`` not positive, ``refresh_every`` or
            ``block_size`` less than 1, or ``sides`` another word; in ``update``, if ``params`` is
            missing.
        TypeError: If a number is none.

    References:
        Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson and Kakade, `SOAP: Improving and
        Stabilizing Shampoo using Adam <https://arxiv.org/abs/2409.11321>`_, ICLR 2025.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    check_rule("smallest_share", smallest_share, "lie in [0, 1]", lambda v: 0 <= v <= 1)
    adam = quotient(
        numerator=chain(turned(average(b1)), correct_bias(b1)),
        denominator=chain(
            square(),
            permuted(average(b2)),
            root(),
            relative_floor(smallest_share),
            add(eps),
            correct_root_bias(b2),
        ),
    )
    return switch(
        at=1,
        before=freeze(),
        after=chain(
            in_basis(
                gram(b2) if statistic is None else statistic,
                inner=delay(adam, steps=1),
                refresh=refreshing(refresh_every),
                view=view(block_size, sides=sides),
            ),
            scale_by_learning_rate(learning_rate),
            decay_after_step(
                weight_decay, learning_rate=learning_rate, weight_decay_mask=weight_decay_mask
            ),
        ),
    )
