"""RAdam's rectification of a second moment that has seen too few gradients."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_at_least, check_in_unit_interval
from ae_optax._numbers import increment, one_minus_power, scalar
from ae_optax._transformation import transformation
from ae_optax._trees import map_updates
from ae_optax._types import Scalar
from ae_optax.transforms._average import CorrectBiasState


@transformation
def rectify(decay: Scalar, *, threshold: Scalar = 5.0) -> optax.GradientTransformation:
    r"""Distrust a denominator in proportion to its variance.

    With :math:`\rho_\infty = 2 / (1 - \beta_2) - 1` and the length of the moving average after
    :math:`t` steps, :math:`\rho_t = \rho_\infty - 2 t \beta_2^t / (1 - \beta_2^t)`,

    .. math::

        u_t = \begin{cases}
            d_t / r_t, \quad r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\,\rho_\infty}
                {(\rho_\infty - 4)(\rho_\infty - 2)\,\rho_t}}
                & \text{if } \rho_t \ge \text{threshold} \\
            1 & \text{otherwise}
        \end{cases}

    To be put last in the denominator :math:`d` of a :func:`quotient`: until the second moment can
    be trusted, the quotient is its numerator alone.

    Args:
        decay: :math:`\beta_2 \in [0, 1)` of the average in the denominator.
        threshold: Shortest trusted length, above 4, where the variance becomes finite. The paper
            asks for more than 4; its authors' program, PyTorch and Optax for 5.

    Returns:
        A transformation that keeps structure, shapes and dtypes and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``threshold`` is below 4.
        TypeError: If one of them is not a number.

    References:
        Liu et al., `On the Variance of the Adaptive Learning Rate and Beyond
        <https://arxiv.org/abs/1908.03265>`_, ICLR 2020.
    """
    check_in_unit_interval("decay", decay)
    check_at_least("threshold", threshold, 4)

    def init(params):
        del params
        return CorrectBiasState(jnp.zeros([], jnp.int32))

    def update(updates, state, params=None):
        del params
        count = increment(state.count)

        def divide(d):
            weight = one_minus_power(decay, count, d)
            longest = 2 / (1 - scalar(decay, weight)) - 1
            length = longest - 2 * count.astype(weight.dtype) * (1 - weight) / weight
            trusted = length >= scalar(threshold, weight)
            # A safe length in the branch not taken: its root would be NaN.
            length = jnp.where(trusted, length, jnp.asarray(5.0, weight.dtype))
            squared = ((length - 4) * (length - 2) * longest) / (
                (longest - 4) * (longest - 2) * length
            )
            return jnp.where(trusted, d / jnp.sqrt(squared).astype(d.dtype), jnp.ones_like(d))

        return map_updates(divide, updates), CorrectBiasState(count)

    return optax.GradientTransformation(init, update)
