"""PyTorch's ReduceLROnPlateau, with its thresholds."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_non_negative,
    check_number,
    check_one_of,
    check_positive,
    check_whole,
)
from ae_optax._leafwise import map_rule, times
from ae_optax._numbers import default_float, whole
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


class ReduceLROnPlateauState(NamedTuple):
    """What :func:`reduce_lr_on_plateau` remembers. All shapes are ().

    Attributes:
        rate: The learning rate in force; default float dtype.
        best: The best value so far; default float dtype.
        num_bad_epochs: Values without improvement since the last one, int32.
        cooldown_counter: Values left to wait for after a reduction, int32.
    """

    rate: jax.Array
    best: jax.Array
    num_bad_epochs: jax.Array
    cooldown_counter: jax.Array


@transformation
def reduce_lr_on_plateau(
    lr: Scalar,
    mode: Literal["min", "max"] = "min",
    factor: Scalar = 0.1,
    patience: int = 10,
    threshold: Scalar = 1e-4,
    threshold_mode: Literal["rel", "abs"] = "rel",
    cooldown: int = 0,
    min_lr: Scalar = 0,
    eps: Scalar = 1e-8,
) -> optax.GradientTransformation:
    r"""Count as ``torch.optim.lr_scheduler.ReduceLROnPlateau``, and scale updates to match.

    Every ``update(..., value=v)`` is one observation :math:`v` (PyTorch: a ``step(v)``), made
    before the update is scaled by the rate in force over ``lr``; an ``update`` without ``value``
    observes nothing. With :math:`b` the best value so far, an observation

    1. improves if :math:`v < b\,(1 - \tau)` (``"rel"``) or :math:`v < b - \tau` (``"abs"``; for
       ``mode="max"`` with ``>`` and ``+``): it is the new best; otherwise it is a bad one;
    2. lowers the cooldown by one, if there is any, and then is not bad;
    3. is one bad observation too many after ``patience`` others: the rate is multiplied by
       ``factor``, if that changes it by more than ``eps``, and the cooldown starts.

    A relative threshold makes a negative value its own improvement, so that the rate of a negative
    loss is never reduced: take ``"abs"``, or the library's ``reduce_on_plateau``. Put it after an
    optimizer whose rate is its last factor.

    Args:
        lr: The optimizer's own rate, positive.
        mode: Whether less or more is better.
        factor: In [0, 1), what the rate is multiplied by.
        patience: Bad observations that are borne, a whole number of at least 0.
        threshold: :math:`\tau \ge 0`.
        threshold_mode: What the threshold is measured in.
        cooldown: Observations after a reduction that do not count, a whole number of at least 0.
        min_lr: Least rate, at least 0.
        eps: Least change of the rate, at least 0.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates, ignores
        ``params``, and takes ``value``, a scalar, in ``update``.

    Raises:
        ValueError: If an argument is out of its range or a mode unknown.
        TypeError: If an argument is not a number; in ``update``, if ``value`` is no single number.

    References:
        `torch.optim.lr_scheduler.ReduceLROnPlateau
        <https://docs.pytorch.org/docs/stable/optim.html>`_, PyTorch 2.13.
    """
    check_positive("lr", lr)
    check_in_unit_interval("factor", factor)
    check_whole("patience", patience, 0)
    check_whole("cooldown", cooldown, 0)
    for name, value in {"threshold": threshold, "min_lr": min_lr, "eps": eps}.items():
        check_non_negative(name, value)
    check_one_of("mode", mode, ("min", "max"))
    check_one_of("threshold_mode", threshold_mode, ("rel", "abs"))
    direction = 1.0 if mode == "min" else -1.0

    def bar(best):
        margin = direction * default_float(threshold)
        return best * (1 - margin) if threshold_mode == "rel" else best - margin

    def init(params):
        del params
        best = default_float(direction * jnp.inf)
        # Not one zero twice: the state may be donated.
        counts = (jnp.zeros([], jnp.int32) for _ in range(2))
        return ReduceLROnPlateauState(default_float(lr), best, *counts)

    def observe(state, value):
        check_number("value", value)
        value = default_float(value)
        improves = direction * value < direction * bar(state.best)
        cooling = state.cooldown_counter > 0
        bad = jnp.where(improves | cooling, 0, state.num_bad_epochs + 1)
        reduces = bad > whole(patience)
        lower = jnp.maximum(state.rate * default_float(factor), default_float(min_lr))
        changes = reduces & (state.rate - lower > default_float(eps))
        left = jnp.maximum(state.cooldown_counter - 1, 0)
        return ReduceLROnPlateauState(
            rate=jnp.where(changes, lower, state.rate),
            best=jnp.where(improves, value, state.best),
            num_bad_epochs=jnp.where(reduces, 0, bad),
            cooldown_counter=jnp.where(reduces, whole(cooldown), left),
        )

    def update(updates, state, params=None, *, value=None, **extra):
        del params, extra
        state = state if value is None else observe(state, value)
        scale = state.rate / default_float(lr)
        return map_rule(times, updates, factor=scale)[0], state

    return optax.GradientTransformationExtraArgs(init, update)
