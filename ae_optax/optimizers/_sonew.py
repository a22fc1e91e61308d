"""SONew: the covariance of neighbours, inverted; the length of Adam's step."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms import (
    add,
    add_decayed_weights,
    average,
    chain,
    correct_bias,
    for_matrices,
    graft,
    precondition_chain,
    quotient,
    root,
    scale_by_learning_rate,
    square,
)


@transformation
def sonew(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.972,
    eps: Scalar = 1e-6,
    graft_eps: Scalar = 1e-8,
    out_axis: int = -1,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by the inverse covariance of neighbouring weights, as far as Adam would.

    Of every matrix, its numbers laid end to end, those of an output side by side, with averages
    from zero, all corrected by :math:`1 - \beta^t`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t, \qquad
        v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        e_{t,i} &= \beta_2\, e_{t-1,i} + (1 - \beta_2)\, g_{t,i}\, g_{t,i+1} \\
        p_t &= X_t\, m_t, \qquad a_t = \frac{m_t}{\sqrt{v_t} + \epsilon_a} \\
        \theta_t &= \theta_{t-1} - \eta_t \left( p_t\, \frac{\lVert a_t \rVert}{\lVert p_t \rVert}
            + \lambda\, \theta_{t-1} \right)

    where :math:`X_t` is tridiagonal, and its inverse has :math:`e_t` beside a diagonal of
    :math:`v_t` and a share :math:`\epsilon` of the largest sum: see
    :func:`~ae_optax.precondition_chain`. Vectors step by :math:`a_t`. It costs little more than
    Adam, and was made for autoencoders.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. That of Adam.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the squares and products.
        eps: :math:`\epsilon > 0`, as above. In float32 1e-6 is little where neighbours go
            together.
        graft_eps: :math:`\epsilon_a > 0`, in units of the gradient.
        out_axis: The axis that counts the outputs: the last for kernels of Flax and Keras, the
            first for PyTorch's weights.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``b1`` or ``b2`` outside
            [0, 1), or ``eps`` or ``graft_eps`` not positive; in ``update``, if a matrix has no
            ``out_axis``.
        TypeError: If a number is none; in ``update``, if a matrix is complex.

    References:
        Devvrit et al., `A Computationally Efficient Sparsified Online Newton Method
        <https://arxiv.org/abs/2311.10085>`_, NeurIPS 2023.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    check_positive("graft_eps", graft_eps)
    mean = chain(average(b1), correct_bias(b1))
    adam = quotient(
        numerator=mean,
        denominator=chain(square(), average(b2), correct_bias(b2), root(), add(graft_eps)),
    )
    preconditioned = graft(
        direction=precondition_chain(b2, inner=mean, eps=eps), magnitude=adam, eps=1e-12
    )
    return chain(
        for_matrices(preconditioned, others=adam, out_axis=out_axis),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )
