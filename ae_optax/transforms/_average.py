"""The exponential moving average and the corrections of its start from zero."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import one_minus_power, saturate
from ae_optax._transformation import transformation
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

    Optax: ``ema(debias=False)``.

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

    return leafwise(_average, AverageState, zeros(dtype), decay=decay)


def _average(g, mean, *, decay):
    mean = interpolate(decay, mean, g)
    return mean, (mean,)


def interpolate(decay: Scalar, mean: jax.Array, new: jax.Array) -> jax.Array:
    r"""Return :math:`\rho\, m + (1 - \rho)\, x` in at least float32."""
    return decay * mean + (1 - decay) * new


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

    def scalars(t, like):
        return {"factor": 1 / function(one_minus_power(decay, t, like))}

    return leafwise(_correct, CorrectBiasState, scalars=scalars)


def _correct(m, *, factor):
    return saturate(m * factor, m)
