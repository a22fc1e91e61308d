"""Keras's ReduceLROnPlateau, with its way of counting."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_finite,
    check_in_unit_interval,
    check_non_negative,
    check_number,
    check_one_of,
    check_positive,
    check_whole,
    is_plain_number,
)
from ae_optax._leafwise import map_rule, times
from ae_optax._numbers import default_float, increment, whole
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


class ReduceLROnPlateauState(NamedTuple):
    """What :func:`reduce_lr_on_plateau` remembers. All shapes are ().

    Attributes:
        scale: The factor in force, a product of ``factor``; default float dtype.
        best: The best value so far, default float dtype; of no meaning before the first.
        observations: Number of values seen, int32.
        wait: Values without improvement since the last one, int32.
        cooldown_counter: Values left to wait for after a reduction, int32.
    """

    scale: jax.Array
    best: jax.Array
    observations: jax.Array
    wait: jax.Array
    cooldown_counter: jax.Array


@transformation
def reduce_lr_on_plateau(
    monitor: str = "val_loss",
    factor: Scalar = 0.1,
    patience: int = 10,
    verbose: int = 0,
    mode: str = "auto",
    min_delta: Scalar = 1e-4,
    cooldown: int = 0,
    min_lr: Scalar = 0.0,
    *,
    learning_rate: Scalar | None = None,
) -> optax.GradientTransformation:
    r"""Count as ``keras.callbacks.ReduceLROnPlateau``, and scale updates by what it makes of it.

    Every ``update(..., value=v)`` is one observation :math:`v` (Keras: the end of an epoch), made
    before the update is scaled; an ``update`` without ``value`` scales and observes nothing. With
    :math:`b` the best value so far, an observation

    1. lowers the cooldown by one, if there is any, and sets the waiting time to zero;
    2. improves if it is the first or :math:`v < b - \delta` (``mode="max"``:
       :math:`v > b + \delta`): it is the new best, and the waiting time is zero;
    3. otherwise, unless still cooling down, waits one longer. When it has waited ``patience``
       times, the rate is multiplied by ``factor``, and the cooldown starts.

    So a flat loss reduces the rate every ``patience`` observations after the first, a negative
    one too, and PyTorch waits one longer. A value that is NaN is no improvement; as the first one
    it stays the best for ever.

    Put it after an optimizer whose rate is its last factor. Where the rate is inside a velocity,
    as in :func:`sgd` with momentum, put it before: there it scales the gradient.

    Args:
        monitor: What the values are; read by ``mode="auto"`` only.
        factor: In [0, 1), what the rate is multiplied by.
        patience: Observations without improvement that are borne, a whole number of at least 0.
        verbose: Without meaning here: read ``scale`` from the state.
        mode: ``"min"`` or ``"max"``; ``"auto"`` is ``"min"`` for a loss.
        min_delta: :math:`\delta`, in units of the values; its sign has no meaning.
        cooldown: Observations after a reduction that do not count, a whole number of at least 0.
        min_lr: Least learning rate, at least 0. A transformation does not know the rate it
            scales, so this needs ``learning_rate``.
        learning_rate: The optimizer's own rate (not in Keras), positive.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates, ignores
        ``params``, and takes ``value``, a scalar, in ``update``.

    Raises:
        ValueError: If an argument is out of its range, if ``mode`` is unknown or ``"auto"`` for
            anything but a loss, or if ``min_lr`` is given without ``learning_rate``.
        TypeError: If an argument is not a number; in ``update``, if ``value`` is no single number.

    References:
        `keras.callbacks.ReduceLROnPlateau
        <https://keras.io/api/callbacks/reduce_lr_on_plateau/>`_, Keras 3.15.
    """
    del verbose
    check_in_unit_interval("factor", factor)
    check_whole("patience", patience, 0)
    check_finite("min_delta", min_delta)
    check_whole("cooldown", cooldown, 0)
    direction = _direction(mode, monitor)
    lowest = _lowest_scale(min_lr, learning_rate)

    def init(params):
        del params
        # Not one zero three times: the state may be donated.
        counts = (jnp.zeros([], jnp.int32) for _ in range(3))
        return ReduceLROnPlateauState(default_float(1.0), default_float(0.0), *counts)

    def observe(state, value):
        check_number("value", value)
        value, zero = default_float(value), jnp.zeros([], jnp.int32)
        cooling = jnp.maximum(state.cooldown_counter - 1, 0)
        wait = jnp.where(state.cooldown_counter > 0, zero, state.wait)
        margin = jnp.abs(default_float(min_delta))
        improves = direction * value - margin > direction * state.best
        improves = improves | (state.observations == 0)
        waited = jnp.where(cooling > 0, wait, wait + 1)
        reduces = ~improves & (cooling == 0) & (waited >= whole(patience))
        # At the lowest rate nothing is reduced, and no cooldown starts.
        least = default_float(lowest)
        reduces = reduces & (state.scale > least)
        return ReduceLROnPlateauState(
            scale=jnp.where(
                reduces,
                jnp.maximum(state.scale * default_float(factor), least),
                state.scale,
            ),
            best=jnp.where(improves, value, state.best),
            observations=increment(state.observations),
            wait=jnp.where(improves | reduces, zero, waited),
            cooldown_counter=jnp.where(reduces, whole(cooldown), cooling),
        )

    def update(updates, state, params=None, *, value=None, **extra):
        del params, extra
        state = state if value is None else observe(state, value)
        return map_rule(times, updates, factor=state.scale)[0], state

    return optax.GradientTransformationExtraArgs(init, update)


def _direction(mode: Any, monitor: str) -> float:
    """Return 1 if more is better and -1 if less is."""
    if mode == "auto" and monitor.removeprefix("val_") == "loss":
        return -1.0
    if mode == "auto":
        reason = f"got 'auto' for `monitor` {monitor!r}: Keras asks its model"
        raise ValueError(f"`mode` must be one of min, max, {reason}.")
    check_one_of("mode", mode, ("min", "max"))
    return 1.0 if mode == "max" else -1.0


def _lowest_scale(min_lr, learning_rate):
    check_non_negative("min_lr", min_lr)
    if learning_rate is not None:
        check_positive("learning_rate", learning_rate)
        return min_lr / learning_rate
    if not is_plain_number(min_lr) or min_lr > 0:
        raise ValueError(
            f"`learning_rate` must be given with `min_lr`, got `min_lr` {min_lr!r} alone: "
            "updates are scaled, and the rate is not known."
        )
    return 0.0
