"""Averaging of the parameters themselves, as Keras's `use_ema` does it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer, check_params_given, check_rule
from ae_optax._numbers import default_float, increment, scalar, whole, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, copies_of, map_updates, store
from ae_optax._types import Scalar


class AverageModelState(NamedTuple):
    """What an optimizer with ``use_ema=True`` remembers.

    Attributes:
        count: Number of updates seen; shape (), int32.
        average: Running mean of the parameters after each update, in at least float32; before the
            first a copy of them.
        inner: State of the optimizer itself.
    """

    count: jax.Array
    average: optax.Params
    inner: optax.OptState

    def evaluate_at(self):
        """Say that the model is to be evaluated at the average, as Keras does at the end."""
        return lambda _, mean: mean, self.average


@transformation
def average_model(
    inner: optax.GradientTransformation,
    *,
    momentum: Scalar,
    overwrite_frequency: int | None,
    updates_per_step: int,
) -> optax.GradientTransformation:
    r"""Average the parameters that an optimizer visits, and now and then move them there.

    .. math::

        \bar\theta_t = \rho_t\, \bar\theta_{t-1} + (1 - \rho_t)\, \theta_t,
        \quad \rho_t = 0 \text{ in the first step and } \rho \text{ afterwards}

    so the average starts at the parameters after the first step. Every ``overwrite_frequency``
    steps :math:`\theta_t` is replaced by :math:`\bar\theta_t`. With accumulated gradients Keras
    averages at every update, but counts steps, and so do we.

    Args:
        inner: The optimizer.
        momentum: :math:`\rho \in [0, 1]`.
        overwrite_frequency: In steps; ``None`` never overwrites.
        updates_per_step: How many updates make a step.

    Returns:
        An optimizer that needs ``params``. A leaf without a gradient keeps its average.

    Raises:
        ValueError: If an argument is out of its range; in ``update``, if ``params`` is missing.
        TypeError: If ``momentum`` is not a number or ``overwrite_frequency`` no integer.
    """
    check_rule("ema_momentum", momentum, "lie in [0, 1]", lambda v: 0 <= v <= 1)
    if overwrite_frequency is not None:
        check_integer("ema_overwrite_frequency", overwrite_frequency, 1)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return AverageModelState(
            jnp.zeros([], jnp.int32), copies_of(params, None), inner.init(params)
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        out, inner_state = inner.update(updates, state.inner, params, **extra)
        step = state.count // whole(updates_per_step)
        rho = jnp.where(step == 0, 0.0, default_float(momentum))

        def follow(u, p, mean):
            # The parameters as they will be: rounded to their own dtype.
            new = (widen(p) + u.astype(widen(p).dtype)).astype(p.dtype)
            r = scalar(rho, mean)
            return r * mean + (1 - r) * new.astype(mean.dtype)

        average = map_updates(follow, out, params, state.average)
        if overwrite_frequency is not None:
            overwrite = (step + 1) % whole(overwrite_frequency) == 0
            out = map_updates(
                lambda u, p, mean: jnp.where(
                    overwrite, (mean - p.astype(mean.dtype)).astype(u.dtype), u
                ),
                out,
                params,
                average,
            )
        count = increment(state.count)
        new_state = AverageModelState(count, store(average, state.average), inner_state)
        return cast_like(out, updates), new_state

    return optax.GradientTransformationExtraArgs(init, update)
