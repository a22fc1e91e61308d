"""The exponential moving average and the corrections of its start from zero."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._numbers import increment, one_minus_power, saturate, scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates, store, zeros_for
from ae_optax._types import Scalar, StorageDType


class AverageState(NamedTuple):
    """What :func:`average` remembers between steps.

    Attributes:
        mean: The running mean. Structure and shapes of the parameters; units of what comes in.
    """

    mean: optax.Updates


@transformation
def average(decay: Scalar, *, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Replace every coordinate by the exponential moving average of its past.

    Elementwise on each leaf :math:`g_t`, from :math:`m_0 = 0`,

    .. math::

        m_t = \rho\, m_{t-1} + (1 - \rho)\, g_t

    The average is biased towards its start, zero; :func:`correct_bias` undoes that.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        dtype: How :math:`m` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32, without which a slow average of bfloat16
            numbers stalls.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If ``decay`` is not a number.
    """
    check_in_unit_interval("decay", decay)

    def init(params):
        return AverageState(zeros_for(params, dtype))

    def update(updates, state, params=None):
        del params
        mean = map_updates(lambda g, m: interpolate(decay, m, g), updates, state.mean)
        return cast_like(mean, updates), AverageState(store(mean, state.mean))

    return optax.GradientTransformation(init, update)


def interpolate(decay: Scalar, mean: jax.Array, new: jax.Array) -> jax.Array:
    r"""Return :math:`\rho\, m + (1 - \rho)\, x` in at least float32."""
    wide = widen(new)
    rho = scalar(decay, wide)
    return rho * mean.astype(wide.dtype) + (1 - rho) * wide


class CorrectBiasState(NamedTuple):
    """What :func:`correct_bias` and :func:`correct_root_bias` remember between steps.

    Attributes:
        count: Number of updates seen; shape (), int32, stops at its largest value.
    """

    count: jax.Array


@transformation
def correct_bias(decay: Scalar) -> optax.GradientTransformation:
    r"""Undo the bias towards zero of an exponential moving average that started there.

    At step :math:`t = 1, 2, \dots`

    .. math::

        \hat m_t = \frac{m_t}{1 - \rho^t}

    For :math:`m` an :func:`average` with the same :math:`\rho` of a constant :math:`g`, the
    result is :math:`g` from the first step on. A finite :math:`m` stays finite: what its rounding
    would make too large becomes the largest number.

    Args:
        decay: :math:`\rho \in [0, 1)` of the average that comes in.

    Returns:
        A transformation that keeps structure, shapes and dtypes and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If ``decay`` is not a number.

    References:
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, section 3, ICLR 2015.
    """
    return _divide_by(decay, lambda weight: weight)


@transformation
def correct_root_bias(decay: Scalar) -> optax.GradientTransformation:
    r"""Undo the bias of the root of an exponential moving average that started at zero.

    At step :math:`t = 1, 2, \dots`

    .. math::

        u_t = \frac{d_t}{\sqrt{1 - \rho^t}}

    In a denominator it tells what :math:`\epsilon` means: ``root(), correct_root_bias(b2),
    add(eps)`` is Adam's second moment as published; ``root(), add(eps), correct_root_bias(b2)``
    corrects :math:`\epsilon` as well, "epsilon hat" in the paper, so that it starts
    :math:`1 / \sqrt{1 - \rho}` times as large (32 times at 0.999) and fades to its value.

    Args:
        decay: :math:`\rho \in [0, 1)` of the average whose root comes in.

    Returns:
        A transformation that keeps structure, shapes and dtypes and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If ``decay`` is not a number.

    References:
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, section 2, ICLR 2015.
    """
    return _divide_by(decay, jnp.sqrt)


def _divide_by(decay: Scalar, function: Callable[[jax.Array], jax.Array]):
    check_in_unit_interval("decay", decay)

    def init(params):
        del params
        return CorrectBiasState(jnp.zeros([], jnp.int32))

    def update(updates, state, params=None):
        del params
        count = increment(state.count)

        def correct(m):
            wide = widen(m)
            weight = function(one_minus_power(decay, count, wide))
            corrected = saturate(wide * (1 / weight).astype(wide.dtype), wide)
            return corrected.astype(m.dtype)

        return map_updates(correct, updates), CorrectBiasState(count)

    return optax.GradientTransformation(init, update)
