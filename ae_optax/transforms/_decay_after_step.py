"""Decoupled weight decay of the parameters that the step has reached."""

import functools
from typing import NamedTuple

import jax
import optax

from ae_optax._checks import check_learning_rate, check_non_negative, rate_at
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms._weight_decay import where_masked


class DecayAfterStepState(NamedTuple):
    """What :func:`decay_after_step` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
    """

    count: jax.Array


@transformation
def decay_after_step(
    weight_decay: Scalar = 0.0,
    *,
    learning_rate: ScalarOrSchedule,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Shrink the parameters where the step has led them.

    Put after the learning rate, where :math:`u` is already a step of descent:

    .. math::

        \theta_t = (1 - \eta_t\, \lambda)\, (\theta_{t-1} + u_t)

    With :func:`~ae_optax.add_decayed_weights` before the rate it is the parameters before the step
    that shrink; the two differ by :math:`\eta_t \lambda u_t`.

    Args:
        weight_decay: :math:`\lambda \ge 0`.
        learning_rate: :math:`\eta_t \ge 0`, the optimizer's own.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params``.

    Raises:
        ValueError: If ``weight_decay`` or ``learning_rate`` is negative; in ``update``, if
            ``params`` is missing.
        TypeError: If one of them is not a number.
    """
    check_non_negative("weight_decay", weight_decay)
    check_learning_rate("learning_rate", learning_rate)

    decay = leafwise(
        _decay_after_step,
        DecayAfterStepState,
        scalars=functools.partial(_rate, learning_rate=learning_rate),
        reads_params=True,
        weight_decay=weight_decay,
    )
    return where_masked(decay, weight_decay_mask)


def _rate(count, like, *, learning_rate):
    del like
    # A schedule counts from 0.
    return {"rate": rate_at(learning_rate, count - 1)}


def _decay_after_step(u, p, *, rate, weight_decay):
    return u - rate * weight_decay * (p + u)
