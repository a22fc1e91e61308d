"""The schedule that does nothing."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite
from ae_optax._numbers import default_float
from ae_optax._types import Scalar


def constant(value: Scalar) -> optax.Schedule:
    r"""Keep one value: :math:`\eta_t = \eta_0`.

    Args:
        value: :math:`\eta_0`, any finite number.

    Returns:
        A schedule.

    Raises:
        TypeError: If ``value`` is no number.
        ValueError: If it is not finite.
    """
    check_finite("value", value)

    def schedule(step):
        return jnp.broadcast_to(default_float(value), jnp.shape(step))

    return schedule
