"""LAMB."""

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add,
    add_decayed_weights,
    average,
    chain,
    correct_bias,
    quotient,
    root,
    scale_by_learning_rate,
    scale_by_trust_ratio,
    square,
)


@transformation
def lamb(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-6,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step as AdamW, every leaf by a length in proportion to its norm.

    With :math:`\hat m_t` and :math:`\hat v_t` as in :func:`adam`, norms over one leaf,

    .. math::

        u_t &= \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} + \lambda\, \theta_{t-1} \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{\lVert\theta_{t-1}\rVert}{\lVert u_t\rVert}\, u_t

    The ratio is 1 where either norm is zero.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared gradient.
        eps: :math:`\epsilon > 0`, outside the root, in units of the gradient.
        weight_decay: :math:`\lambda \ge 0`, decoupled: it acts beside the gradient, times the
            learning rate.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1), ``eps`` not
            positive or ``weight_decay`` negative.
        TypeError: If one of them is not a number.

    References:
        You et al., `Large Batch Optimization for Deep Learning: Training BERT in 76 minutes
        <https://arxiv.org/abs/1904.00962>`_, ICLR 2020.
    """
    check_in_unit_interval("b1", b1)
    check_in_unit_interval("b2", b2)
    check_positive("eps", eps)
    return chain(
        quotient(
            numerator=chain(average(b1, dtype=mu_dtype), correct_bias(b1)),
            denominator=chain(
                square(), average(b2, dtype=nu_dtype), correct_bias(b2), root(), add(eps)
            ),
        ),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )
