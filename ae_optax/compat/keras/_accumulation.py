"""Gradient accumulation: one step with the mean of several gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer
from ae_optax._numbers import increment, whole, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates, store, zeros_for
from ae_optax._types import ScalarOrSchedule


class AccumulateGradientsState(NamedTuple):
    """What :func:`accumulate_gradients` remembers between updates.

    Attributes:
        count: Number of updates seen; shape (), int32.
        sum: Sum of the gradients since the last step, stored in at least float32.
        inner: State of the inner transformation, which has seen the means only.
    """

    count: jax.Array
    sum: optax.Updates
    inner: optax.OptState


@transformation
def accumulate_gradients(
    inner: optax.GradientTransformation, steps: int
) -> optax.GradientTransformation:
    r"""Step once in a number of updates, with the mean of their gradients.

    In between the updates are zero, and the inner transformation does no work.

    Args:
        inner: The optimizer that steps.
        steps: :math:`k \ge 2`, updates for each step.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params`` if ``inner`` does.

    Raises:
        ValueError: If ``steps`` is less than 2.
        TypeError: If it is no integer.
    """
    check_integer("gradient_accumulation_steps", steps, 2)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return AccumulateGradientsState(
            jnp.zeros([], jnp.int32), zeros_for(params, None), inner.init(params)
        )

    def update(updates, state, params=None, **extra):
        total = map_updates(lambda g, s: widen(g) + s.astype(widen(g).dtype), updates, state.sum)
        total = store(total, state.sum)

        # Operands, not closed over: where nothing is compiled only those keep their sharding.
        def apply(updates, total, inner_state, params):
            mean = map_updates(lambda _, s: s / float(steps), updates, total)
            out, inner_state = inner.update(mean, inner_state, params, **extra)
            return cast_like(out, updates), jax.tree.map(jnp.zeros_like, total), inner_state

        def wait(updates, total, inner_state, _):
            return map_updates(jnp.zeros_like, updates), total, inner_state

        is_step = (state.count + 1) % whole(steps) == 0
        out, total, inner_state = jax.lax.cond(
            is_step, apply, wait, updates, total, state.inner, params
        )
        count = increment(state.count)
        return out, AccumulateGradientsState(count, total, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def rate_when_applied(learning_rate: ScalarOrSchedule, steps: int) -> ScalarOrSchedule:
    """Return the rate as a function of the steps, from one of the updates.

    Keras asks its schedules for the rate at the update at which a step is made.
    """
    check_integer("gradient_accumulation_steps", steps, 2)
    if not callable(learning_rate):
        return learning_rate
    return lambda step: learning_rate((step + 1) * steps - 1)
