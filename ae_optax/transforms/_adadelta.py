"""AdaDelta: the root mean square of past updates over that of past gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._numbers import scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates, store, zeros_for
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

    def init(params):
        return ScaleByAdadeltaState(e_g=zeros_for(params, dtype), e_x=zeros_for(params, dtype))

    def update(updates, state, params=None):
        del params
        e_g = map_updates(lambda g, v: interpolate(decay, v, _square(g)), updates, state.e_g)

        def delta(g, v, u):
            eps_ = scalar(eps, v)
            # One root for both: it costs half, and cannot overflow where `v` did.
            return jnp.sqrt((u.astype(v.dtype) + eps_) / (v + eps_)) * widen(g)

        out = map_updates(delta, updates, e_g, state.e_x)
        e_x = map_updates(lambda d, u: interpolate(decay, u, _square(d)), out, state.e_x)
        return cast_like(out, updates), ScaleByAdadeltaState(
            e_g=store(e_g, state.e_g), e_x=store(e_x, state.e_x)
        )

    return optax.GradientTransformation(init, update)


def _square(g: jax.Array) -> jax.Array:
    wide = widen(g)
    return wide * jnp.conj(wide)
