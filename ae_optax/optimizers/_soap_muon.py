"""SOAP-Muon: whitened in SOAP's basis, orthogonalised as by Muon, lengths kept in bounds."""

import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_non_negative,
    check_positive,
    check_positive_integer,
    check_rule,
)
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.optimizers._companion import companion
from ae_optax.optimizers._muon import average_ahead
from ae_optax.transforms import (
    at_least,
    average,
    brake_growth,
    chain,
    delay,
    every,
    floor_norm,
    for_matrices,
    gram,
    identity,
    in_basis,
    orthogonalize,
    permuted,
    quotient,
    relative_floor,
    retract_to_radial_length,
    root,
    scale_by_fan,
    scale_by_learning_rate,
    square,
    turned,
)


@transformation
def soap_muon(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.95,
    b2: Scalar = 0.9,
    statistics_decay: Scalar = 0.9,
    eps: Scalar = 1e-8,
    smallest_share: Scalar = 0.0,
    refresh_every: int = 1,
    floor: Scalar = 0.3825,
    outward: Scalar = 0.5,
    orthogonalizer: optax.GradientTransformation | None = None,
    others: optax.GradientTransformation | None = None,
    out_axis: int = -1,
) -> optax.GradientTransformation:
    r"""Step as Muon along what SOAP makes of an average gradient.

    Of every matrix, from zeros, with SOAP's bases :math:`Q_L, Q_R` of the gradients before,

    .. math::

        M_t &= \mu\, M_{t-1} + (1 - \mu)\, G_t, \qquad
        N_t = Q_L^\top (\mu\, M_t + (1 - \mu)\, G_t)\, Q_R \\
        V_t &= \beta_2\, V_{t-1} + (1 - \beta_2)\, N_t^2, \qquad
        P_t = Q_L\, \frac{N_t}{\max(\sqrt{V_t}, \epsilon)}\, Q_R^\top \\
        U_t &= \sqrt{\max(1, n_{\text{out}} / n_{\text{in}})}\; \mathrm{orth}(P_t)

    where :math:`\mathrm{orth}(U S V^\top) \approx U V^\top`; at the first step :math:`P` is the
    average itself. Of :math:`U_t` the part that would lengthen the matrix is halved
    (:func:`~ae_optax.brake_growth`), the rest made at least a share of the matrix
    (:func:`~ae_optax.floor_norm`), and after the step the length is what the part along the weights
    leads to (:func:`~ae_optax.retract_to_radial_length`), so that no weight decay is needed.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. About that of Muon, 0.02; times ``floor`` it is the least relative step.
        momentum: :math:`\mu \in [0, 1)`.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the second moment in the basis.
        statistics_decay: In [0, 1), decay of the statistics :func:`~ae_optax.gram`.
        eps: :math:`\epsilon > 0`, in units of the gradient.
        smallest_share: In [0, 1]: no root of the second moment is taken for less than this share of
            the largest. 0 is the author's rule, in which what only rounding fills, of rows that are
            always zero as for pixels at a border, steps like any other; 0.1 keeps float32 from
            that.
        refresh_every: Steps from one time that bases follow to the next, at least 1.
        floor: The least norm of :math:`U_t`, a share of that of the parameters, at least 0.
        outward: What is left of the part that lengthens, at least 0; 1 is all of it.
        orthogonalizer: orth; ``None``: :func:`~ae_optax.orthogonalize`, twelve steps that converge;
            on a CPU :func:`~ae_optax.polar_factor` is exact and costs less.
        others: For leaves that are no matrices, without a learning rate: it has the same, so end
            it with ``scale`` for another. ``None``: Adam with decays 0.9 and 0.95.
        out_axis: The axis that counts the outputs: the last for kernels of Flax and Keras, the
            first for PyTorch's weights.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate``, ``floor`` or ``outward`` is negative, ``momentum``, ``b2``
            or ``statistics_decay`` outside [0, 1), ``smallest_share`` outside [0, 1], ``eps`` not
            positive, or ``refresh_every`` less than 1; in ``update``, if ``params`` is missing or a
            matrix has no ``out_axis``.
        TypeError: If a number is none, or a part no gradient transformation; in ``update``, if a
            matrix is complex.

    References:
        Jordan et al., `modded-nanogpt <https://github.com/KellerJordan/modded-nanogpt>`_, track of
        optimizers, record 44, 2026.
    """
    check_in_unit_interval("momentum", momentum)
    check_in_unit_interval("b2", b2)
    check_in_unit_interval("statistics_decay", statistics_decay)
    check_positive("eps", eps)
    check_rule("smallest_share", smallest_share, "lie in [0, 1]", lambda v: 0 <= v <= 1)
    check_positive_integer("refresh_every", refresh_every)
    check_non_negative("floor", floor)
    whitened = quotient(
        numerator=identity(),
        denominator=chain(
            square(),
            permuted(average(b2)),
            root(),
            relative_floor(smallest_share),
            at_least(eps),
        ),
    )
    matrices = chain(
        in_basis(
            gram(statistics_decay),
            inner=chain(turned(average_ahead(momentum)), delay(whitened, steps=1)),
            refresh=every(refresh_every),
        ),
        orthogonalize("convergent") if orthogonalizer is None else orthogonalizer,
        scale_by_fan(),
        brake_growth(outward),
        floor_norm(floor),
    )
    return chain(
        for_matrices(matrices, others=companion(others), out_axis=out_axis),
        scale_by_learning_rate(learning_rate),
        for_matrices(retract_to_radial_length(), others=identity(), out_axis=out_axis),
    )
