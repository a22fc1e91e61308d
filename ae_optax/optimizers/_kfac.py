"""K-FAC: factors of each layer's Fisher matrix, inverted."""

from typing import Literal

import optax

from ae_optax._checks import check_in_unit_interval, check_positive, check_positive_integer
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._layer_descent import from_often, layer_descent
from ae_optax.transforms import (
    add,
    balanced,
    chain,
    damped_inverse,
    eigenbasis,
    factored_curvature,
    fisher_factors,
    identity,
    in_basis,
    precondition,
    quotient,
    scale_by_momentum,
)


@transformation
def kfac(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.9,
    b2: Scalar = 0.95,
    damping: Scalar = 1e-2,
    refresh_every: int = 5,
    positions: Literal["expand", "reduce"] = "expand",
    others: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by the natural gradient of each layer, its Fisher matrix a Kronecker product.

    Of every layer :math:`s_n = W^\top a_n`, a one for the bias behind :math:`a_n`, with gradients
    :math:`\delta_n` of its outputs for targets drawn from the model, and :math:`G_t` that of the
    loss,

    .. math::

        A_t &= \operatorname{avg}_{\beta_2}\Big(\tfrac1N \sum_n a_n a_n^\top\Big), \qquad
        S_t = \operatorname{avg}_{\beta_2}\Big(\tfrac1N \sum_n \delta_n \delta_n^\top\Big) \\
        U_t &= \big(\pi^{-1} A_t + \sqrt\lambda\, I\big)^{-1}\, G_t\,
            \big(\pi\, S_t + \sqrt\lambda\, I\big)^{-1}, \qquad
            \pi^2 = \frac{\operatorname{tr} A_t / \dim A}{\operatorname{tr} S_t / \dim S} \\
        V_t &= \mu\, V_{t-1} + U_t, \qquad
        \theta_t = \theta_{t-1} - \eta_t\, (V_t + w\, \theta_{t-1})

    with averages whose start is left out of them. The inverses are taken every few steps, and
    at each of the first ones. Rate and damping are constant here. It reads what each layer saw of
    targets drawn from the model (``sampled_layers``), which the trainer gives it; the loss must
    have a likelihood.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. One, if the curvature were exact.
        momentum: :math:`\mu \in [0, 1)`, of the preconditioned gradients.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the factors.
        damping: :math:`\lambda > 0`, in units of the curvature, of a loss that is a mean over
            pixels as many times smaller than of one that is a sum.
        refresh_every: Steps from one time that inverses are taken to the next, at least 1; they are
            taken at each of the first so many, or 20, steps, too.
        positions: Of a layer that is applied at many positions of an example, a convolution:
            ``"expand"`` takes each for an example of its own, ``"reduce"`` sums them up first.
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
            outside [0, 1), ``damping`` not positive, ``refresh_every`` less than 1, or
            ``positions`` another word; in ``update``, if ``params`` or ``sampled_layers`` is
            missing.
        TypeError: If a number is none, or ``others`` no gradient transformation.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, ICML 2015.
    """
    check_in_unit_interval("b2", b2)
    check_positive("damping", damping)
    check_positive_integer("refresh_every", refresh_every)
    direction = precondition(
        balanced(fisher_factors(b2, positions=positions)),
        root=damped_inverse(damping**0.5),
        power=1.0,
        refresh=from_often(refresh_every),
    )
    return layer_descent(
        chain(direction, scale_by_momentum(momentum, dtype=None)),
        learning_rate,
        others=others,
        weight_decay=weight_decay,
        weight_decay_mask=weight_decay_mask,
    )


@transformation
def kfac_eigen(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.9,
    b2: Scalar = 0.95,
    damping: Scalar = 1e-2,
    refresh_every: int = 5,
    positions: Literal["expand", "reduce"] = "expand",
    others: optax.GradientTransformation | None = None,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step as :func:`kfac`, the damping added to the product of the factors, not to each.

    In the eigenbases :math:`Q_A, Q_S` of the factors, with their eigenvalues :math:`\lambda_A,
    \lambda_S`,

    .. math::

        U_t = Q_A\, \frac{Q_A^\top G_t\, Q_S}{\lambda_A \lambda_S^\top + \lambda}\, Q_S^\top

    which is :math:`(A_t \otimes S_t + \lambda I)^{-1}` exactly. The bases are taken every few
    steps, the eigenvalues in them followed at each.

    Args:
        learning_rate: :math:`\eta \ge 0`, and so on as for :func:`kfac`.
        momentum: :math:`\mu \in [0, 1)`, of the preconditioned gradients.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the factors.
        damping: :math:`\lambda > 0`, in units of the curvature.
        refresh_every: Steps from one time that bases are taken to the next, at least 1; they are
            taken at each of the first so many, or 20, steps, too.
        positions: Of a layer that is applied at many positions of an example, a convolution:
            ``"expand"`` takes each for an example of its own, ``"reduce"`` sums them up first.
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
            outside [0, 1), ``damping`` not positive, ``refresh_every`` less than 1, or
            ``positions`` another word; in ``update``, if ``params`` or ``sampled_layers`` is
            missing.
        TypeError: If a number is none, or ``others`` no gradient transformation.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, appendix B, ICML 2015.
    """
    check_in_unit_interval("b2", b2)
    check_positive("damping", damping)
    check_positive_integer("refresh_every", refresh_every)
    direction = in_basis(
        fisher_factors(b2, positions=positions),
        inner=quotient(numerator=identity(), denominator=chain(factored_curvature(), add(damping))),
        basis=eigenbasis(),
        refresh=from_often(refresh_every),
    )
    return layer_descent(
        chain(direction, scale_by_momentum(momentum, dtype=None)),
        learning_rate,
        others=others,
        weight_decay=weight_decay,
        weight_decay_mask=weight_decay_mask,
    )
