"""Adan."""

import optax

from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import add_decayed_weights, chain, scale_by_adan, scale_by_learning_rate


@transformation
def adan(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.98,
    b2: Scalar = 0.92,
    b3: Scalar = 0.99,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step along averaged gradients and averaged differences of gradients.

    With :math:`u_t` from :func:`~ae_optax.scale_by_adan`,

    .. math::

        \theta_t = \theta_{t-1} - \eta_t\,(u_t + \lambda\, \theta_{t-1})

    Decays are written as everywhere in this library; the paper's :math:`\beta_i` are their
    complements. The paper divides by :math:`1 + \eta \lambda` to decay, which is the same to first
    order.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average difference.
        b3: :math:`\beta_3 \in [0, 1)`, decay of the second moment.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        weight_decay: :math:`\lambda \ge 0`, decoupled: it acts beside the gradient, times the
            learning rate.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.
        mu_dtype: How both averages and the last gradient are stored: a dtype, ``"params"`` for each
            parameter's own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, a decay outside [0, 1), ``eps`` not positive
            or ``weight_decay`` negative.
        TypeError: If one of them is not a number.

    References:
        Xie, Zhou, Li, Lin and Yan, `Adan: Adaptive Nesterov Momentum Algorithm for Faster
        Optimizing Deep Models <https://arxiv.org/abs/2208.06677>`_, 2022.
    """
    return chain(
        scale_by_adan(b1, b2, b3, eps=eps, mu_dtype=mu_dtype, nu_dtype=nu_dtype),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )
