"""The one place where the sign flips and the learning rate is applied."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_learning_rate, rate_at
from ae_optax._leafwise import map_rule, times
from ae_optax._numbers import default_float, increment
from ae_optax._transformation import transformation
from ae_optax._trees import check_shapes
from ae_optax._types import ScalarOrSchedule


class ScaleByLearningRateState(NamedTuple):
    """What :func:`scale_by_learning_rate` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        last_rate: The rate used last (before the first step: the one to be used first);
            shape (), default float dtype. Only for reading.
    """

    count: jax.Array
    last_rate: jax.Array


@transformation
def scale_by_learning_rate(learning_rate: ScalarOrSchedule) -> optax.GradientTransformation:
    r"""Turn a direction of ascent into a step of descent: :math:`u_t = -\eta_t\, g_t`.

    Before a momentum the rate is inside the velocity, after it outside.

    Args:
        learning_rate: :math:`\eta \ge 0`, a number, a traced scalar or a schedule: a function of
            the step, which is 0 at the first update.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates and ignores
        ``params``, but for their shapes.

    Raises:
        ValueError: If ``learning_rate`` is negative or not finite; in ``update``, if an update
            has another shape than its parameter.
        TypeError: If it is neither a number nor a schedule.
    """
    check_learning_rate("learning_rate", learning_rate)

    def init(params):
        del params
        count = jnp.zeros([], jnp.int32)
        return ScaleByLearningRateState(count, default_float(rate_at(learning_rate, count)))

    def update(updates, state, params=None):
        if params is not None:
            check_shapes(updates, params)
        rate = rate_at(learning_rate, state.count)
        out, _ = map_rule(times, updates, scalars=lambda _: {"factor": -rate})
        return out, ScaleByLearningRateState(increment(state.count), default_float(rate))

    return optax.GradientTransformation(init, update)
