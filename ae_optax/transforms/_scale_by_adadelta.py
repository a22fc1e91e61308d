"""AdaDelta: the root mean square of past updates over that of past gradients."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import root
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import interpolate


class ScaleByAdadeltaState(NamedTuple):
    """What :func:`scale_by_adadelta` remembers between steps.

    Attributes:
        e_g: Running mean of squared gradients. Structure and shapes of the parameters.
        e_x: Running mean of squared updates; units of the parameters squared.
    """

    e_g: optax.Updates
    e_x: optax.Updates


@transformation
def scale_by_adadelta(
    decay: Scalar = 0.9, *, eps: Scalar = 1e-6, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Rescale every update to the size of the updates before it.

    Elementwise on each leaf :math:`g_t`, from :math:`v_0 = u_0 = 0`,

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \Delta_t &= \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        u_t &= \rho\, u_{t-1} + (1 - \rho)\, \Delta_t^2

    What goes out has the units of the parameters, so no learning rate is needed. The numerator
    is the average of squared *updates*, and from before this step.

    Args:
        decay: :math:`\rho \in [0, 1)`; both averages span about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, inside both roots. It sets the first step, about
            :math:`\sqrt{\epsilon / (1 - \rho)}`, from which all others grow.
        dtype: How both averages are stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``eps`` is not positive.
        TypeError: If one of them is not a number.

    References:
        Zeiler, `ADADELTA: An Adaptive Learning Rate Method <https://arxiv.org/abs/1212.5701>`_,
        2012.
    """
    check_in_unit_interval("decay", decay)
    check_positive("eps", eps)

    return leafwise(_adadelta, ScaleByAdadeltaState, zeros(dtype, dtype), decay=decay, eps=eps)


def _adadelta(g, e_g, e_x, *, decay, eps):
    e_g = interpolate(decay, e_g, g * jnp.conj(g))
    # One root for both: it costs half, and cannot overflow where `v` did.
    step = root((e_x + eps) / (e_g + eps)) * g
    return step, (e_g, interpolate(decay, e_x, step * jnp.conj(step)))
