"""Equations of traced programs, read alike in every version of JAX."""

from collections.abc import Sequence
from typing import Any

from jax.extend import core


def opened(program: Any) -> tuple[core.Jaxpr, Sequence[Any]]:
    """Return a program inside an equation, and its constants."""
    return getattr(program, "jaxpr", program), getattr(program, "consts", ())


def scan_counts(eqn: core.JaxprEqn) -> tuple[int, int]:
    """Return how many operands of a ``scan`` stay and how many are carried, told by their shapes.

    What is sliced, and what is stacked, has an axis more outside of the loop than in it. How the
    equation says it itself differs between versions of JAX.
    """
    inner, _ = opened(eqn.params["jaxpr"])
    sliced = _longer(eqn.invars, inner.invars)
    carried = len(eqn.outvars) - _longer(eqn.outvars, inner.outvars)
    return len(eqn.invars) - carried - sliced, carried


def _longer(outer, inner):
    return sum(o.aval.ndim > i.aval.ndim for o, i in zip(outer, inner, strict=True))
