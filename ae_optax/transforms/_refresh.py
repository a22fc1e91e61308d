"""When what is computed from a statistic is computed again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._checks import check_positive_integer
from ae_optax._piece import Piece


@dataclass(frozen=True, repr=False)
class Every(Piece):
    """See :func:`every`."""

    steps: int
    first: int = 1
    phase: int | None = None

    def is_first(self, count: jax.Array) -> jax.Array:
        """Tell whether what belongs to gradient number ``count`` is the first time."""
        return count == self.first

    def is_next(self, count: jax.Array) -> jax.Array:
        """Tell whether it is one of the times after the first."""
        phase = self.first if self.phase is None else self.phase
        return (count > self.first) & ((count - phase) % self.steps == 0)

    def is_due(self, count: jax.Array) -> jax.Array | bool:
        """Tell whether it is any of these times."""
        always = self.steps == 1 and self.first == 1
        return True if always else self.is_first(count) | self.is_next(count)


def every(steps: int, *, first: int = 1, phase: int | None = None) -> Every:
    """Compute again every so many steps.

    Args:
        steps: How many, at least 1.
        first: The number of the gradient with which it is computed for the first time, at least 1.
        phase: The others are at ``phase``, ``phase + steps``, ... if they are later than that;
            ``None``: counted from ``first``.

    Returns:
        A rule for ``refresh`` of :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``steps`` or ``first`` is less than 1.
        TypeError: If one of them is no integer.
    """
    check_positive_integer("steps", steps)
    check_positive_integer("first", first)
    return Every(steps, first, phase)


def if_due(due: jax.Array | bool, function: Callable[[Any], Any], old: Any) -> Any:
    """Return ``function(old)`` if it is time, else ``old``; nothing is computed in vain.

    Under ``vmap`` over states that have each a counter, an ordinary conditional would compute both
    at every step. Here ``function`` is still called only when one of the members is due.
    """
    if isinstance(due, bool):
        return function(old) if due else old

    def chosen(old):
        return jax.tree.map(lambda new, o: jnp.where(due, new, o), function(old), old)

    return jax.lax.cond(_any(due), chosen, lambda old: old, old)


@jax.custom_batching.custom_vmap
def _any(due):
    return due


@_any.def_vmap
def _any_member(axis_size, in_batched, due):
    del axis_size, in_batched
    return jnp.any(due), False
