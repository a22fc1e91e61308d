"""The schedule that does not move."""

import jax
import optax

from ae_optax._checks import check_finite
from ae_optax._numbers import default_float
from ae_optax._types import Scalar


def constant(value: Scalar) -> optax.Schedule:
    r"""Keep one value: :math:`\eta(t) = \eta_0`.

    Args:
        value: :math:`\eta_0`, finite.

    Returns:
        A function of the step :math:`t = 0, 1, \dots` that returns a scalar.

    Raises:
        ValueError: If ``value`` is not finite.
        TypeError: If ``value`` is not a number.
    """
    check_finite("value", value)

    def schedule(step: jax.typing.ArrayLike) -> jax.Array:
        del step
        return default_float(value)

    return schedule
