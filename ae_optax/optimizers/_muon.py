"""Muon and NorMuon: Nesterov average, orthogonalise, scale by fan."""

import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._companion import companion
from ae_optax.transforms import (
    add_decayed_weights,
    chain,
    for_matrices,
    graft,
    identity,
    orthogonalize,
    scale,
    scale_by_fan,
    scale_by_learning_rate,
    scale_by_nesterov,
    scale_by_unit_rms,
)


@transformation
def muon(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.95,
    orthogonalizer: optax.GradientTransformation | None = None,
    others: optax.GradientTransformation | None = None,
    out_axis: int = -1,
    stack_axes: int = 0,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step along the orthogonal matrix nearest to an average gradient.

    Of every matrix, from :math:`M_0 = 0`, with :math:`\mathrm{orth}(U S V^\top) \approx U V^\top`,

    .. math::

        M_t &= \mu\, M_{t-1} + (1 - \mu)\, G_t \\
        O_t &= \mathrm{orth}(\mu\, M_t + (1 - \mu)\, G_t) \\
        \theta_t &= \theta_{t-1} - \eta_t \left( \sqrt{\max(1, n_{\text{out}} / n_{\text{in}})}\;
            O_t + \lambda\, \theta_{t-1} \right)

    All directions in which a layer can change are stepped alike, however small their gradient. The
    kernel of a convolution is the matrix of all that one output sees; an embedding is a matrix by
    its shape only: give it to another optimizer with :func:`~ae_optax.by_path`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. Its author's is 0.02.
        momentum: :math:`\mu \in [0, 1)`.
        orthogonalizer: orth; ``None``: :func:`~ae_optax.orthogonalize` as its author has it, five
            iterations; on a CPU :func:`~ae_optax.polar_factor` is exact and costs less.
        others: For leaves that are no matrices, without a learning rate: it has the same, so end
            it with ``scale`` for another. ``None``: Adam with decays 0.9 and 0.95.
        out_axis: The axis that counts the outputs: the last for kernels of Flax and Keras, the
            first (behind ``stack_axes``) for PyTorch's weights.
        stack_axes: How many axes in front count layers that are stacked.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative or ``momentum`` outside
            [0, 1); in ``update``, if a matrix has no ``out_axis``.
        TypeError: If one of them is not a number, or a part no gradient transformation.

    References:
        Jordan et al., `Muon: An optimizer for hidden layers in neural networks
        <https://kellerjordan.github.io/posts/muon/>`_, 2024.
    """
    check_in_unit_interval("momentum", momentum)
    matrices = chain(
        average_ahead(momentum),
        orthogonalize() if orthogonalizer is None else orthogonalizer,
        scale_by_fan(),
    )
    return chain(
        for_matrices(matrices, others=companion(others), out_axis=out_axis, stack_axes=stack_axes),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )


@transformation
def normuon(
    learning_rate: ScalarOrSchedule,
    *,
    momentum: Scalar = 0.95,
    b2: Scalar = 0.95,
    eps: Scalar = 1e-10,
    orthogonalizer: optax.GradientTransformation | None = None,
    others: optax.GradientTransformation | None = None,
    out_axis: int = -1,
    stack_axes: int = 0,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step as Muon, every output by the same length.

    Of every matrix, from zeros, with :math:`\mathrm{orth}(U S V^\top) \approx U V^\top`,

    .. math::

        M_t &= \mu\, M_{t-1} + (1 - \mu)\, G_t, \qquad
        O_t = \mathrm{orth}(\mu\, M_t + (1 - \mu)\, G_t) \\
        v_{t,j} &= \beta_2\, v_{t-1,j} + (1 - \beta_2)\, \mathrm{mean}_i\, O_{t,ij}^2 \\
        N_{t,ij} &= \frac{O_{t,ij}}{\sqrt{v_{t,j}} + \epsilon} \\
        \theta_t &= \theta_{t-1} - \eta_t \left( \sqrt{\max(1, n_{\text{out}} / n_{\text{in}})}\;
            N_t\, \frac{\lVert O_t \rVert}{\lVert N_t \rVert} + \lambda\, \theta_{t-1} \right)

    where :math:`j` counts the outputs. The length of the whole is that of Muon's step.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. That of Muon.
        momentum: :math:`\mu \in [0, 1)`.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the mean square of each output.
        eps: :math:`\epsilon > 0`, beside roots of mean squares of about one over the longer side.
        orthogonalizer: orth; ``None``: :func:`~ae_optax.orthogonalize` as Muon's author has it.
        others: For leaves that are no matrices, without a learning rate: it has the same, so end
            it with ``scale`` for another. ``None``: Adam with decays 0.9 and 0.95.
        out_axis: The axis that counts the outputs: the last for kernels of Flax and Keras, the
            first (behind ``stack_axes``) for PyTorch's weights.
        stack_axes: How many axes in front count layers that are stacked.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``momentum`` or ``b2``
            outside [0, 1), or ``eps`` not positive; in ``update``, if a matrix has no ``out_axis``.
        TypeError: If one of them is not a number, or a part no gradient transformation.

    References:
        Li et al., `NorMuon: Making Muon more efficient and scalable
        <https://arxiv.org/abs/2510.05491>`_, 2025.
    """
    check_in_unit_interval("momentum", momentum)
    check_in_unit_interval("b2", b2)
    matrices = chain(
        average_ahead(momentum),
        orthogonalize() if orthogonalizer is None else orthogonalizer,
        graft(direction=scale_by_unit_rms(b2, eps=eps), magnitude=identity(), eps=1e-10),
        scale_by_fan(),
    )
    return chain(
        for_matrices(matrices, others=companion(others), out_axis=out_axis, stack_axes=stack_axes),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )


def average_ahead(momentum: Scalar) -> optax.GradientTransformation:
    """Return the average one step ahead: a velocity of what is small enough to be averaged."""
    return chain(scale(1 - momentum), scale_by_nesterov(momentum, dtype=None))
