"""AdaBelief."""

import optax

from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import chain, scale_by_belief, scale_by_learning_rate


@transformation
def adabelief(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-16,
    mu_dtype: StorageDType = "params",
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Divide the debiased average gradient by how far gradients stray from it.

    Elementwise, from :math:`m_0 = s_0 = 0`,

    .. math::

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        s_t &= \beta_2\, s_{t-1} + (1 - \beta_2)\,(g_t - m_t)^2 + \epsilon \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{m_t / (1 - \beta_1^t)}
            {\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        b2: :math:`\beta_2 \in [0, 1)`, decay of the average squared deviation.
        eps: :math:`\epsilon > 0`, in both places, as in the paper.
        mu_dtype: How the average gradient is stored: a dtype, ``"params"`` for each parameter's
            own, or ``None`` for that but at least float32.
        nu_dtype: How the second moment is stored, likewise.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``b1`` or ``b2`` outside [0, 1) or ``eps`` not
            positive.
        TypeError: If one of them is not a number.

    References:
        Zhuang et al., `AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients
        <https://arxiv.org/abs/2010.07468>`_, NeurIPS 2020.
    """
    return chain(
        scale_by_belief(b1, b2, eps=eps, mu_dtype=mu_dtype, nu_dtype=nu_dtype),
        scale_by_learning_rate(learning_rate),
    )
