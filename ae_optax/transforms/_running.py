"""Memories that never average: a running sum and a running maximum."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_rule
from ae_optax._leafwise import leafwise, zeros
from ae_optax._numbers import full_like
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType


class RunningSumState(NamedTuple):
    """What :func:`running_sum` remembers between steps.

    Attributes:
        sum: The sum so far. Structure and shapes of the parameters; units of what comes in.
    """

    sum: optax.Updates


@transformation
def running_sum(
    *, initial_value: Scalar = 0.0, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Replace every coordinate by the sum of its past: :math:`s_t = s_{t-1} + g_t`.

    Args:
        initial_value: :math:`s_0 \ge 0`, in the units of what comes in.
        dtype: How the sum is stored: a dtype, ``"params"`` for each parameter's own, or ``None``
            for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``initial_value`` is negative.
        TypeError: If ``initial_value`` is not a number.
    """
    check_non_negative("initial_value", initial_value)

    def start(p):
        return (full_like(p, initial_value, dtype),)

    return leafwise(_running_sum, RunningSumState, start)


def _running_sum(g, total):
    total = total + g
    return total, (total,)


class RunningMaxState(NamedTuple):
    """What :func:`running_max` remembers between steps.

    Attributes:
        max: The largest value so far. Structure and shapes of the parameters.
    """

    max: optax.Updates


@transformation
def running_max(*, decay: Scalar = 1.0, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Replace every coordinate by the largest value of its past.

    Elementwise on non-negative leaves :math:`g_t`, from :math:`u_0 = 0`,

    .. math::

        u_t = \max(\rho\, u_{t-1},\, g_t)

    With :math:`\rho = 1` this is what AMSGrad adds to Adam, with :math:`\rho = \beta_2` the
    infinity norm of AdaMax.

    Args:
        decay: :math:`\rho \in [0, 1]`, the factor by which the past fades each step.
        dtype: How the maximum is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1].
        TypeError: If ``decay`` is not a number.
    """
    check_rule("decay", decay, "lie in [0, 1]", lambda v: 0 <= v <= 1)

    return leafwise(_running_max, RunningMaxState, zeros(dtype), decay=decay)


def _running_max(g, largest, *, decay):
    largest = jnp.maximum(decay * largest, g)
    return largest, (largest,)
