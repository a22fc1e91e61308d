"""Decoupled weight decay that acts before the step, so that the step sees decayed parameters."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_params_given, rate_at
from ae_optax._numbers import increment, scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar, ScalarOrSchedule


class DecayFirstState(NamedTuple):
    """What :func:`decay_first` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        inner: State of the inner transformation.
    """

    count: jax.Array
    inner: optax.OptState


@transformation
def decay_first(
    inner: optax.GradientTransformation,
    *,
    learning_rate: ScalarOrSchedule,
    weight_decay: Scalar,
) -> optax.GradientTransformation:
    r"""Shrink the parameters, then step from where they are.

    .. math::

        \theta' &= \theta_{t-1} - \eta_t \lambda\, \theta_{t-1} \\
        \theta_t &= \theta' + f(g_t, \theta')

    For an inner rule :math:`f` that does not read the parameters this is the usual decoupled
    decay; LAMB, Adafactor and FTRL do read them, and measure :math:`\theta'`.

    Args:
        inner: :math:`f`, with its learning rate.
        learning_rate: :math:`\eta \ge 0` of the decay, a number or a schedule.
        weight_decay: :math:`\lambda \ge 0`.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and needs ``params``.

    Raises:
        ValueError: If ``weight_decay`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If ``weight_decay`` is not a number.
    """
    check_non_negative("weight_decay", weight_decay)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return DecayFirstState(jnp.zeros([], jnp.int32), inner.init(params))

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        rate = rate_at(learning_rate, state.count)

        def decay(p):
            wide = widen(p)
            return -(wide * scalar(weight_decay, wide) * scalar(rate, wide))

        change = jax.tree.map(decay, params)
        decayed = jax.tree.map(lambda p, c: widen(p) + c, params, change)
        out, inner_state = inner.update(updates, state.inner, decayed, **extra)
        out = map_updates(lambda u, c: widen(u) + c.astype(widen(u).dtype), out, change)
        new_state = DecayFirstState(increment(state.count), inner_state)
        return cast_like(out, updates), new_state

    return optax.GradientTransformationExtraArgs(init, update)
