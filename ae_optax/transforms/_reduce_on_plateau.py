"""A scale that falls when a monitored value stops improving."""

import warnings
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_non_negative,
    check_number,
    check_one_of,
    check_rule,
    check_whole,
)
from ae_optax._leafwise import map_rule, times
from ae_optax._numbers import default_float, increment, scalar, whole
from ae_optax._transformation import transformation
from ae_optax._types import Scalar

UNTOLD = (
    "reduce_on_plateau was updated without `value`, and reduces nothing until it is told some: "
    "pass `value=loss` to `update`; or use `observe(state, loss)` between updates, and pass "
    "`observe=False` to them to say so."
)


class ReduceOnPlateauState(NamedTuple):
    """What :func:`reduce_on_plateau` remembers between steps; all of shape ().

    Attributes:
        scale: What the last update was multiplied by; 1 at first. Default float dtype.
        best_value: The best observation so far, infinitely bad at first. Default float dtype.
        plateau_count: Observations in a row that were no improvement; int32.
        cooldown_count: Observations left that cannot count as bad; int32.
        value_sum: Sum of the values that wait to be observed. Default float dtype.
        value_count: How many wait; int32.
    """

    scale: jax.Array
    best_value: jax.Array
    plateau_count: jax.Array
    cooldown_count: jax.Array
    value_sum: jax.Array
    value_count: jax.Array


@transformation
def reduce_on_plateau(
    *,
    factor: Scalar,
    patience: int | jax.Array,
    threshold: Scalar = 1e-4,
    threshold_mode: Literal["relative", "absolute"] = "relative",
    cooldown: int | jax.Array = 0,
    min_scale: Scalar = 0.0,
    mode: Literal["min", "max"] = "min",
    accumulation: int | jax.Array = 1,
) -> optax.GradientTransformation:
    r"""Scale updates by a number that shrinks when a value has stopped improving.

    .. math::

        u_t = s_t\, g_t, \qquad s \leftarrow \max(s f,\, s_{\min})
        \text{ after more than } p \text{ bad observations in a row}

    from :math:`s = 1`. An observation :math:`v` is good if it is finite and better than the best
    one so far, :math:`b`, by more than the threshold,

    .. math::

        v < b - \delta \ (\text{mode "min"}), \qquad v > b + \delta \ (\text{mode "max"}),
        \qquad \delta = \begin{cases}
            \epsilon\, \lvert b \rvert & \text{relative} \\
            \epsilon & \text{absolute,}
        \end{cases}

    and bad otherwise: NaN and infinities of either sign are bad. The first finite observation is
    always good. For positive values this is PyTorch's rule, observation by observation. For
    negative ones PyTorch compares with :math:`b\,(1 - \epsilon)`, which is worse than :math:`b`:
    there a value that never changes is an improvement for ever.

    Values come in two ways, which do the same: ``update(..., value=v)``, and :func:`observe` for a
    value that is known between two updates, such as a validation loss once an epoch. They wait
    until there are at least ``accumulation`` of them; the next update observes their mean, and is
    the first to be scaled by what follows from it. An update with ``observe=False``, which may be
    traced, adds none; one without ``value`` neither, and warns unless it says ``observe=False``:
    without values nothing is ever reduced.

    Put it after the learning rate: what adapts to the size of the gradient would undo it.

    Args:
        factor: :math:`f \in (0, 1)`.
        patience: :math:`p \ge 0`, a whole number: so many bad observations in a row are borne,
            the next one reduces.
        threshold: :math:`\epsilon \ge 0`, without unit if relative, else in the value's.
        threshold_mode: Whether the threshold is a part of the best value or a value itself.
        cooldown: So many observations after a reduction are never counted as bad, a whole
            number :math:`\ge 0`; they may still be the best.
        min_scale: :math:`s_{\min} \in [0, 1]`, below which the scale does not fall.
        mode: Whether smaller or larger values are better.
        accumulation: How many values make one observation, a whole number :math:`\ge 1`.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates and ignores
        ``params``; the ``scale`` in its state is the one in force.

    Raises:
        ValueError: If ``factor`` is outside (0, 1), ``patience``, ``threshold`` or ``cooldown``
            negative, ``min_scale`` outside [0, 1], ``accumulation`` below 1, a number of
            observations or values not whole, or a mode unknown.
        TypeError: If one of the numbers is not a number; in ``update``, if ``value`` is no single
            number.
    """
    _check_open_unit_interval("factor", factor)
    check_whole("patience", patience, 0)
    check_non_negative("threshold", threshold)
    check_whole("cooldown", cooldown, 0)
    _check_scale("min_scale", min_scale)
    check_whole("accumulation", accumulation, 1)
    check_one_of("threshold_mode", threshold_mode, ("relative", "absolute"))
    check_one_of("mode", mode, ("min", "max"))
    sign = {"min": 1.0, "max": -1.0}[mode]

    def improves(value, best):
        margin = scalar(threshold, value)
        if threshold_mode == "relative":
            margin = margin * jnp.where(jnp.isfinite(best), jnp.abs(best), jnp.zeros_like(best))
        # With the sign, smaller is better.
        return jnp.isfinite(value) & (sign * value < sign * best - margin)

    def observed(state):
        """Return the state after the waiting values are taken as one observation."""
        value = state.value_sum / jnp.maximum(state.value_count, 1).astype(state.value_sum.dtype)
        good = improves(value, state.best_value)
        cooling = state.cooldown_count > 0
        bad = jnp.where(good | cooling, 0, state.plateau_count + 1)
        reduce = bad > whole(patience)
        factor_ = scalar(factor, state.scale)
        lower = jnp.maximum(state.scale * factor_, scalar(min_scale, state.scale))
        return ReduceOnPlateauState(
            scale=jnp.where(reduce, lower, state.scale),
            best_value=jnp.where(good, value, state.best_value),
            plateau_count=jnp.where(reduce, 0, bad),
            cooldown_count=jnp.where(
                reduce, whole(cooldown), jnp.maximum(state.cooldown_count - 1, 0)
            ),
            value_sum=jnp.zeros_like(state.value_sum),
            value_count=jnp.zeros_like(state.value_count),
        )

    def init(params):
        del params
        return ReduceOnPlateauState(
            scale=default_float(1.0),
            best_value=default_float(sign * jnp.inf),
            plateau_count=jnp.zeros([], jnp.int32),
            cooldown_count=jnp.zeros([], jnp.int32),
            value_sum=default_float(0.0),
            value_count=jnp.zeros([], jnp.int32),
        )

    def update(updates, state, params=None, *, value=None, observe=None, **extra):
        del params, extra
        if value is not None:
            state = _select(observe is None or observe, _add(state, value), state)
        elif observe is None:
            warnings.warn(UNTOLD, stacklevel=2)
        state = _select(state.value_count >= whole(accumulation), observed(state), state)
        return map_rule(times, updates, factor=state.scale)[0], state

    return optax.GradientTransformationExtraArgs(init, update)


def observe(state: Any, value: Any) -> Any:
    """Tell every :func:`reduce_on_plateau` in an optimizer's state a value, between two updates.

    The next update observes it, exactly as if the value had been passed to it. So a training loop
    can feed a validation loss once an epoch, also inside a compiled program and through wrappers
    that do not update at every step.

    Args:
        state: The state of an optimizer, however nested.
        value: A scalar, which may be traced; not finite counts as bad.

    Returns:
        The state with the value in it; unchanged if there is no such transformation.

    Raises:
        TypeError: If ``value`` is no single number.
    """

    def at(node):
        return _add(node, value) if isinstance(node, ReduceOnPlateauState) else node

    return jax.tree.map(at, state, is_leaf=lambda node: isinstance(node, ReduceOnPlateauState))


def _add(state, value):
    check_number("value", value)
    return state._replace(
        value_sum=state.value_sum + jnp.asarray(value).astype(state.value_sum.dtype),
        value_count=increment(state.value_count),
    )


def _select(condition, new, old):
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def _check_open_unit_interval(name, value):
    check_rule(name, value, "lie in (0, 1)", lambda v: 0 < v < 1)


def _check_scale(name, value):
    check_rule(name, value, "lie in [0, 1]", lambda v: 0 <= v <= 1)
