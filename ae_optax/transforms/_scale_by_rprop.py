"""Rprop: every coordinate keeps a step of its own, which the signs of its gradients adapt."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive, check_rule
from ae_optax._leafwise import leafwise
from ae_optax._numbers import full_like, zeros_like
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


class ScaleByRpropState(NamedTuple):
    """What :func:`scale_by_rprop` remembers between steps.

    Attributes:
        step_size: Length of the next step. Structure and shapes of the parameters.
        previous: Sign of the last gradient, 0 where it was ignored.
    """

    step_size: optax.Updates
    previous: optax.Updates


@transformation
def scale_by_rprop(
    initial_step: Scalar = 0.01,
    *,
    decrease: Scalar = 0.5,
    increase: Scalar = 1.2,
    min_step: Scalar = 1e-6,
    max_step: Scalar = 50.0,
) -> optax.GradientTransformation:
    r"""Step by a length that grows while the sign of the gradient stays, and shrinks when it flips.

    Elementwise on each leaf :math:`g_t`, from :math:`s_0` and :math:`g_0 = 0`,

    .. math::

        s_t &= \min(s_{\max}, \max(s_{\min}, s_{t-1} \cdot \begin{cases}
            \eta^+ & g_t\, g_{t-1} > 0 \\
            \eta^- & g_t\, g_{t-1} < 0 \\
            1 & \text{otherwise} \end{cases})) \\
        u_t &= s_t \operatorname{sign} g_t

    and where the sign flipped :math:`g_t` counts as zero, in this step and in the next
    comparison: the coordinate rests for one step after it has overshot. The size of the gradient
    does not matter, so that noise as of small batches, which flips signs, only shrinks the steps.

    What goes out points uphill and has the units of the parameters: :func:`~ae_optax.scale` by -1
    turns it into an optimizer.

    Args:
        initial_step: :math:`s_0 \ge 0`, in units of the parameters.
        decrease: :math:`\eta^- \in (0, 1)`.
        increase: :math:`\eta^+ > 1`.
        min_step: :math:`s_{\min} \ge 0`, in units of the parameters.
        max_step: :math:`s_{\max} > 0`, in units of the parameters.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If a step is negative, ``max_step`` not positive, ``decrease`` outside (0, 1)
            or ``increase`` not above 1.
        TypeError: If one of them is not a number.

    References:
        Riedmiller and Braun, `A direct adaptive method for faster backpropagation learning: the
        RPROP algorithm <https://doi.org/10.1109/ICNN.1993.298623>`_, ICNN 1993.
        Igel and Hüsken, `Empirical evaluation of the improved Rprop learning algorithms
        <https://doi.org/10.1016/S0925-2312(01)00700-7>`_ (their iRprop-), Neurocomputing 50, 2003.
    """
    check_non_negative("initial_step", initial_step)
    check_positive("decrease", decrease)
    check_positive("increase", increase)
    check_non_negative("min_step", min_step)
    check_positive("max_step", max_step)
    check_rule("decrease", decrease, "lie in (0, 1)", lambda v: v < 1)
    check_rule("increase", increase, "be above 1", lambda v: v > 1)

    def start(p):
        return full_like(p, initial_step, None), zeros_like(p)

    return leafwise(
        _rprop,
        ScaleByRpropState,
        start,
        decrease=decrease,
        increase=increase,
        min_step=min_step,
        max_step=max_step,
    )


def _rprop(g, size, previous, *, decrease, increase, min_step, max_step):
    # Signs, not the gradients' product: that overflows, and vanishes for small ones.
    sign = jnp.sign(g)
    agree = sign * previous
    one = jnp.ones_like(agree)
    factor = jnp.where(agree > 0, increase * one, one)
    factor = jnp.where(agree < 0, decrease * one, factor)
    size = jnp.minimum(jnp.maximum(size * factor, min_step), max_step)
    sign = jnp.where(agree < 0, jnp.zeros_like(sign), sign)
    return sign * size, (size, sign)
