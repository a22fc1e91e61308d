"""EKFAC: the variance of the examples' gradients, in K-FAC's eigenbasis."""

from typing import Literal

import optax

from ae_optax._checks import check_in_unit_interval, check_positive, check_positive_integer
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._layer_descent import from_often, layer_descent
from ae_optax.transforms import (
    add,
    average,
    chain,
    correct_bias,
    eigenbasis,
    fisher_factors,
    identity,
    in_basis,
    quotient,
    scale_by_momentum,
    squared_examples,
    transported,
)


@transformation
def ekfac(
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
    r"""Step by the natural gradient of each layer, its Fisher matrix diagonal in an eigenbasis.

    Of every layer :math:`s_n = W^\top a_n`, a one for the bias behind :math:`a_n`, with gradients
    :math:`\delta_n` of its outputs for targets drawn from the model, and eigenvectors :math:`Q_A,
    Q_S` of K-FAC's factors,

    .. math::

        F_t &= \operatorname{avg}_{\beta_2}\Big(\tfrac1N \sum_n
            (Q_A^\top a_n)^2\, \big((Q_S^\top \delta_n)^2\big)^\top\Big) \\
        U_t &= Q_A\, \frac{Q_A^\top G_t\, Q_S}{F_t + \lambda}\, Q_S^\top \\
        V_t &= \mu\, V_{t-1} + U_t, \qquad
        \theta_t = \theta_{t-1} - \eta_t\, (V_t + w\, \theta_{t-1})

    with averages whose start is left out of them. It is :func:`kfac_eigen` with the variances
    themselves in the place of products of eigenvalues, and :func:`soap` with those of single
    examples for targets from the model, where SOAP has the square of the mean gradient. The bases
    are taken every few steps, and the variances carried over. It reads what each layer saw of
    targets drawn from the model (``sampled_layers``), which the trainer gives it; the loss must
    have a likelihood.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        momentum: :math:`\mu \in [0, 1)`, of the preconditioned gradients.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the factors and of the variances.
        damping: :math:`\lambda > 0`, in units of the curvature, of a loss that is a mean over
            pixels as many times smaller than of one that is a sum.
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
        George, Laurent, Bouthillier, Ballas and Vincent, `Fast Approximate Natural Gradient Descent
        in a Kronecker-factored Eigenbasis <https://arxiv.org/abs/1806.03884>`_, NeurIPS 2018.
    """
    check_in_unit_interval("b2", b2)
    check_positive("damping", damping)
    check_positive_integer("refresh_every", refresh_every)
    variance = chain(squared_examples(), transported(average(b2)), correct_bias(b2), add(damping))
    direction = in_basis(
        fisher_factors(b2, positions=positions),
        inner=quotient(numerator=identity(), denominator=variance),
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
