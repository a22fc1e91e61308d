"""Values between two ends, and powers that keep a number's digits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import _numbers as numbers
from ae_optax._checks import is_plain_number
from ae_optax._numbers import default_float


def blend(start: Any, end: Any, weight: jax.Array) -> jax.Array:
    """Go from ``start`` at weight 0 to ``end`` at weight 1, meeting both exactly."""
    return default_float(start) * (1 - weight) + default_float(end) * weight


def half_wave(fraction: jax.Array) -> jax.Array:
    r"""Return :math:`\tfrac12 (1 - \cos \pi x)`, from 0 at :math:`x = 0` to 1 at :math:`x = 1`.

    Written as :math:`\sin^2(\pi x / 2)` it keeps all digits where it is small.
    """
    return jnp.sin(jnp.pi / 2 * fraction) ** 2


def power(base: Any, exponent: Any) -> jax.Array:
    r"""Return :math:`\gamma^x` for :math:`\gamma \ge 0`, exact for a Python :math:`\gamma`.

    Rounding :math:`\gamma = 0.99999` to float32 would cost a tenth of a percent of
    :math:`\gamma^x` at :math:`x = 10^5`. What it loses is put back as :math:`e^{x \delta}`.
    """
    exponent = default_float(exponent)
    result = numbers.power(default_float(base), exponent)
    if not is_plain_number(base) or base == 0:
        return result
    rounded = float(np.asarray(base, exponent.dtype))
    slip = (base - rounded) / base
    # Bounded, lest zero be multiplied by infinity beyond step 10^9.
    return result * jnp.exp(jnp.minimum(exponent * slip, 80)) if slip else result
