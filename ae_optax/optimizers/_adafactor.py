"""Adafactor."""

import optax

from ae_optax._checks import check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType
from ae_optax.transforms import (
    add,
    chain,
    clip_by_rms,
    factored_average,
    identity,
    quotient,
    root,
    scale_by_learning_rate,
    scale_by_parameter_rms,
    square,
)


@transformation
def adafactor(
    learning_rate: ScalarOrSchedule = 1e-2,
    *,
    exponent: Scalar = 0.8,
    eps: Scalar = 1e-30,
    clipping: Scalar = 1.0,
    minimum_rms: Scalar = 1e-3,
    nu_dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step by a factored second moment, in proportion to the size of the parameters.

    With :math:`\hat V_t`, the outer product of averaged row and column means of
    :math:`g_t^2 + \epsilon_1` (see :func:`~ae_optax.factored_average`),

    .. math::

        u_t &= g_t / \sqrt{\hat V_t} \\
        \theta_t &= \theta_{t-1} - \eta_t \max(\epsilon_2, \mathrm{RMS}(\theta_{t-1}))\,
            \frac{u_t}{\max(1, \mathrm{RMS}(u_t) / d)}

    The paper's relative step size is the schedule :math:`\eta_t = \min(10^{-2}, 1 / \sqrt t)`,
    which is constant for the first 10,000 steps. Its state is of size rows plus columns.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. Relative to the size of the parameters.
        exponent: :math:`c > 0` in the decay :math:`1 - t^{-c}`.
        eps: :math:`\epsilon_1 > 0`, added to the squared gradient.
        clipping: :math:`d > 0`, largest root mean square of a leaf's update before scaling.
        minimum_rms: :math:`\epsilon_2 > 0`, so that parameters at zero can move.
        nu_dtype: How the means are stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative or another argument not positive.
        TypeError: If one of them is not a number.

    References:
        Shazeer and Stern, `Adafactor: Adaptive Learning Rates with Sublinear Memory Cost
        <https://arxiv.org/abs/1804.04235>`_, ICML 2018.
    """
    check_positive("eps", eps)
    check_positive("clipping", clipping)
    check_positive("minimum_rms", minimum_rms)
    return chain(
        quotient(
            numerator=identity(),
            denominator=chain(
                square(), add(eps), factored_average(exponent=exponent, dtype=nu_dtype), root()
            ),
        ),
        clip_by_rms(clipping),
        scale_by_parameter_rms(minimum=minimum_rms),
        scale_by_learning_rate(learning_rate),
    )
