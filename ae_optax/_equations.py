"""Equations of traced programs, read alike in every version of JAX."""

from collections.abc import Iterator, Sequence
from typing import Any

from jax.extend import core


def opened(program: Any) -> tuple[core.Jaxpr, Sequence[Any]]:
    """Return a program inside an equation, and its constants."""
    return getattr(program, "jaxpr", program), getattr(program, "consts", ())


def each_equation(jaxpr: Any) -> Iterator[core.JaxprEqn]:
    """Yield the equations of a program, those of its subprograms instead of their calls."""
    for equation in jaxpr.eqns:
        inside = [sub for value in equation.params.values() for sub in _programs(value)]
        for program in inside:
            yield from each_equation(program)
        if not inside:
            yield equation


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


def _programs(value):
    if isinstance(value, tuple | list):
        return [program for part in value for program in _programs(part)]
    value, _ = opened(value)
    return [value] if hasattr(value, "eqns") else []
