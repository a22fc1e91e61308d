"""PyTorch's momentum: dampened, except for the first gradient."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_in_unit_interval
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


class DampenedMomentumState(NamedTuple):
    """What :func:`scale_by_dampened_momentum` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        trace: The velocity. Structure and shapes of the parameters; units of what comes in.
    """

    count: jax.Array
    trace: optax.Updates


@transformation
def scale_by_dampened_momentum(
    momentum: Scalar, *, dampening: Scalar
) -> optax.GradientTransformation:
    r"""Replace every update by a velocity that takes in a share of each gradient but the first.

    Elementwise on each leaf :math:`g_t`,

    .. math::

        v_1 = g_1, \qquad v_t = \mu\, v_{t-1} + (1 - \tau)\, g_t

    With :math:`\tau = \mu` it is an average that starts at the first gradient instead of zero.

    Args:
        momentum: :math:`\mu \in [0, 1)`.
        dampening: :math:`\tau`, finite; 0 gives :func:`~ae_optax.scale_by_momentum`.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``momentum`` is outside [0, 1) or ``dampening`` not finite.
        TypeError: If one of them is not a number.
    """
    check_in_unit_interval("momentum", momentum)
    check_finite("dampening", dampening)

    def scalars(t, like):
        weight = (1 - scalar(dampening, like)) * jnp.ones([], like.dtype)
        return {"weight": jnp.where(t == 1, jnp.ones_like(weight), weight)}

    return leafwise(
        _velocity, DampenedMomentumState, zeros(None), scalars=scalars, momentum=momentum
    )


def _velocity(g, trace, *, momentum, weight):
    trace = momentum * trace + weight * g
    return trace, (trace,)
