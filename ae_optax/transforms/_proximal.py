"""An L1 penalty whose zeros are zeros."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_learning_rate, check_non_negative, rate_at
from ae_optax._leafwise import leafwise
from ae_optax._numbers import scalar
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms._weight_decay import where_masked


class ProximalL1State(NamedTuple):
    """What :func:`proximal_l1` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
    """

    count: jax.Array


@transformation
def proximal_l1(
    strength: Scalar,
    *,
    learning_rate: ScalarOrSchedule,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Draw the parameters towards zero after the step, and stop there.

    Put last. With :math:`\tilde\theta = \theta_{t-1} + u_t`,

    .. math::

        \theta_t = \operatorname{sign}(\tilde\theta)\,
            \max(0,\, |\tilde\theta| - \eta_t\, \lambda)

    and what is emitted is :math:`\theta_t - \theta_{t-1}`. This is the proximal step for the
    penalty :math:`\lambda \lVert\theta\rVert_1`: after plain gradient descent it is ISTA. A
    gradient of the penalty instead leaves parameters that jump around zero; these are zero
    exactly, so they can be counted and pruned.

    Args:
        strength: :math:`\lambda \ge 0`, in the units of the gradient.
        learning_rate: :math:`\eta_t \ge 0`, the optimizer's own.
        weight_decay_mask: Which parameters are drawn: a tree of booleans (or a prefix of one), or
            a function of the parameters that makes it. ``None`` draws all.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates (real leaves); it
        needs ``params``.

    Raises:
        ValueError: If ``strength`` or ``learning_rate`` is negative; in ``update``, if ``params``
            is missing.
        TypeError: If one of them is not a number.

    References:
        Beck and Teboulle, `A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse
        Problems <https://doi.org/10.1137/080716542>`_, SIAM Journal on Imaging Sciences 2(1),
        2009.
    """
    check_non_negative("strength", strength)
    check_learning_rate("learning_rate", learning_rate)

    def scalars(t, like):
        rate = rate_at(learning_rate, t - 1)
        return {"bound": scalar(rate, like) * scalar(strength, like)}

    step = leafwise(_soft_threshold, ProximalL1State, scalars=scalars, reads_params=True)
    return where_masked(step, weight_decay_mask)


def _soft_threshold(u, p, *, bound):
    reached = p + u
    return jnp.sign(reached) * jnp.maximum(jnp.abs(reached) - bound, 0) - p
