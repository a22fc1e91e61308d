"""Adafactor's step size: relative to the size of the parameters."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import norm, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def scale_by_parameter_rms(*, minimum: Scalar = 1e-3) -> optax.GradientTransformation:
    r"""Multiply every leaf by the root mean square of its parameters.

    .. math::

        u = \max(\epsilon_2, \mathrm{RMS}(\theta))\, g

    Optax: ``scale_by_param_block_rms``.

    Args:
        minimum: :math:`\epsilon_2 > 0`, in units of the parameters, so that zeros can move.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``minimum`` is not positive; in ``update``, if ``params`` is missing.
        TypeError: If ``minimum`` is not a number.

    References:
        Shazeer and Stern, `Adafactor: Adaptive Learning Rates with Sublinear Memory Cost
        <https://arxiv.org/abs/1804.04235>`_, section 8, ICML 2018.
    """
    check_positive("minimum", minimum)

    return leafwise(_rescale, reads_params=True, minimum=minimum)


def _rescale(g, p, *, minimum):
    rms = norm(p) / max(p.size, 1) ** 0.5
    return g * jnp.maximum(rms, scalar(minimum, rms)).astype(g.dtype)
