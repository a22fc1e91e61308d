"""A learning rate as a function of the step that also knows how PyTorch advances it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative
from ae_optax._numbers import default_float
from ae_optax._types import Scalar


class Scheduler:
    r"""A schedule, made by one of the functions of this package.

    PyTorch computes most rates from the rate before, so that several schedulers can act on one
    rate (``ChainedScheduler``). Here each is a function of the step, :math:`\eta(t)`, and keeps
    beside it what those that combine schedulers need.

    Attributes:
        lr: The rate it was given.
        factor: :math:`\phi(t)` if :math:`\eta(t) = \eta\,\phi(t)` and PyTorch advances it by
            :math:`\phi(t) / \phi(t - 1)`, else ``None``.
        begin: Of the rate as other schedulers left it, the rate at step 0.
        advance: Of the rate at step :math:`t - 1` and of :math:`t \ge 1`, the rate at :math:`t`.
        continues: Whether, after another in a sequence, it goes on from the rate it finds, by
            ``advance(rate, 0)``.
        momentum: The momentum that goes with the rate, a schedule, or ``None``: pass it by
            ``optax.inject_hyperparams``.
    """

    def __init__(
        self,
        lr: Scalar,
        *,
        advance: Callable[[Any, Any], Any],
        begin: Callable[[Any], Any] | None = None,
        factor: Callable[[Any], Any] | None = None,
        value: Callable[[Any], Any] | None = None,
        continues: bool = False,
        momentum: optax.Schedule | None = None,
    ):
        check_non_negative("lr", lr)
        self.lr = lr
        self.factor = factor
        self.begin = (lambda _rate: self(0)) if begin is None else begin
        self.advance = advance
        self.continues = continues
        self.momentum = momentum
        self._value = value

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate at ``step``, from 0, in the default float dtype."""
        if self._value is not None:
            return default_float(self._value(jnp.asarray(step)))
        assert self.factor is not None
        return default_float(self.lr) * default_float(self.factor(jnp.asarray(step)))


def jumping(
    lr: Scalar,
    value: Callable[[Any], Any],
    *,
    momentum: optax.Schedule | None = None,
) -> Scheduler:
    """Return a scheduler that does not look at the rate before."""
    return Scheduler(lr, value=value, advance=lambda _rate, t: value(t), momentum=momentum)


def relative(
    lr: Scalar,
    factor: Callable[[Any], Any],
    ratio: Callable[[Any], Any],
    *,
    continues: bool = False,
) -> Scheduler:
    """Return a scheduler that multiplies the rate before by ``ratio(t)``."""
    return Scheduler(
        lr,
        factor=factor,
        begin=lambda rate: rate * default_float(factor(jnp.zeros([], jnp.int32))),
        advance=lambda rate, t: rate * ratio(t),
        continues=continues,
    )


def as_float(step: Any) -> jax.Array:
    """Return a step as a number of the default float dtype."""
    return jnp.asarray(step).astype(jnp.result_type(float))
