"""Normalisation by a running root mean square for every unit of a matrix."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import root, zeros_like
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


class ScaleByUnitRmsState(NamedTuple):
    """What :func:`scale_by_unit_rms` remembers between steps.

    Attributes:
        nu: Running mean of squared updates of every unit; the shape of the parameter, 1 along the
            axis over which the mean is taken.
    """

    nu: optax.Updates


@transformation
def scale_by_unit_rms(decay: Scalar = 0.95, *, eps: Scalar = 1e-10) -> optax.GradientTransformation:
    r"""Divide every unit of a matrix by the running root mean square of its own past.

    For each output :math:`j` of a matrix (inputs, outputs), from :math:`\nu_0 = 0`,

    .. math::

        \nu_{t,j} &= \rho\, \nu_{t-1,j} + (1 - \rho)\, \mathrm{mean}_i\, g_{t,ij}^2 \\
        u_{t,ij} &= \frac{g_{t,ij}}{\sqrt{\nu_{t,j}} + \epsilon}

    Of a leaf with more than two axes every matrix of the last two is treated alike; of one with
    fewer each number is a unit.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, in units of what comes in.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``eps`` not positive.
        TypeError: If one of them is not a number.

    References:
        Li et al., `NorMuon: Making Muon more efficient and scalable
        <https://arxiv.org/abs/2510.05491>`_, 2025.
    """
    check_in_unit_interval("decay", decay)
    check_positive("eps", eps)
    return leafwise(_scale_by_unit_rms, ScaleByUnitRmsState, _start, decay=decay, eps=eps)


def _start(p):
    return (_mean(zeros_like(p, None)),)


def _scale_by_unit_rms(g, nu, *, decay, eps):
    nu = decay * nu + (1 - decay) * _mean(g * jnp.conj(g))
    return g / (root(nu) + eps), (nu,)


def _mean(x):
    return jnp.sum(x, -2, keepdims=True) / max(x.shape[-2], 1) if x.ndim > 1 else x
