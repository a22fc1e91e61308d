"""Floating-point operations of a traced program, those that come every few steps in their share."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

from ae_optax._equations import scan_counts

STEPS = 100
"""Of which the mean is taken: a multiple of most periods."""
LATE = 1_000
"""The update with which they begin: whatever is at the first only is over."""
GRADIENT = 6
"""Operations for each parameter of a dense layer in the gradient of one example, of which two are
the layer's own and four go back through it."""

# Of matrices (m, n): what m n² and n³ are multiplied with (Golub and Van Loan, 2013).
DECOMPOSITIONS = {
    "cholesky": (0, 1 / 3),
    "eigh": (0, 9),
    "geqrf": (2, -2 / 3),
    "householder_product": (2, -2 / 3),
    "lu": (0, 2 / 3),
    "qr": (4, -4 / 3),
    "svd": (4, 8),
}
MOVES = {
    *("broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dynamic_slice"),
    *("dynamic_update_slice", "gather", "pad", "reshape", "rev", "scatter", "select_n"),
    *("slice", "squeeze", "stop_gradient", "transpose"),
}


def mean_flops(program: core.ClosedJaxpr, is_state: Sequence[bool], back: Sequence[int]) -> float:
    """Return the mean number of operations of a program that is called again and again.

    What is known are whole numbers of its state, counters, and what follows from them: which branch
    of a conditional is taken. Of a conditional that is not decided by them the longest branch
    counts, and a loop that ends by itself counts once.

    Args:
        program: The traced update.
        is_state: Of each input, whether it belongs to the state.
        back: For each input, the output that takes its place the next time, or -1.
    """
    known = [
        np.int32(LATE) if of_state and _is_counter(variable.aval) else None
        for variable, of_state in zip(program.jaxpr.invars, is_state, strict=True)
    ]
    counter = _Counter()
    total = 0.0
    for _ in range(STEPS):
        flops, out = counter.count(program.jaxpr, program.consts, known)
        total += flops
        known = [out[i] if i >= 0 else None for i in back]
    return total / STEPS


class _Counter:
    def __init__(self):
        self._plain = {}
        self._needed = {}

    def count(self, jaxpr, consts, arguments):
        """Return the operations of a program, and of its outputs what is known."""
        values: dict[Any, Any] = {}

        def read(atom):
            if isinstance(atom, core.Literal):
                return atom.val if _is_counter(atom.aval) else None
            return values.get(atom)

        for variable, value in zip(jaxpr.constvars, consts, strict=True):
            values[variable] = value if _is_counter(variable.aval) else None
        values |= zip(jaxpr.invars, arguments, strict=True)
        total = 0.0
        for equation in self._used(jaxpr):
            flops, out = self._equation(equation, [read(atom) for atom in equation.invars])
            total += flops
            values |= zip(equation.outvars, out, strict=True)
        return total, [read(atom) for atom in jaxpr.outvars]

    def _used(self, jaxpr):
        """Return the equations that outputs depend on: the compiler leaves out the others."""
        if id(jaxpr) not in self._needed:
            needed, kept = set(), []
            needed.update(v for v in jaxpr.outvars if isinstance(v, core.Var))
            for equation in reversed(jaxpr.eqns):
                if equation.effects or needed.intersection(equation.outvars):
                    needed.update(v for v in equation.invars if isinstance(v, core.Var))
                    kept.append(equation)
            self._needed[id(jaxpr)] = kept[::-1]
        return self._needed[id(jaxpr)]

    def _equation(self, equation, known):
        name, parameters = equation.primitive.name, equation.params
        unknown = [None] * len(equation.outvars)
        nothing_known = all(value is None for value in known)
        if nothing_known and id(equation) in self._plain:
            return self._plain[id(equation)], unknown
        found = 0.0, unknown
        if name == "cond":
            found = self._branches(parameters["branches"], known, unknown)
        elif name == "scan":
            body, (consts, _) = parameters["jaxpr"], scan_counts(equation)
            inside = [*known[:consts], *[None] * (len(known) - consts)]
            flops, _ = self.count(body.jaxpr, body.consts, inside)
            found = parameters["length"] * flops, unknown
        elif name == "while":
            body = parameters["body_jaxpr"]
            flops, _ = self.count(body.jaxpr, body.consts, [None] * len(body.jaxpr.invars))
            found = flops, unknown
        elif (inner := _inner(parameters)) is not None:
            found = self.count(inner.jaxpr, inner.consts, known)
        elif all(value is not None for value in known) and all(
            _is_counter(variable.aval) for variable in equation.outvars
        ):
            out = equation.primitive.bind(*map(jax.numpy.asarray, known), **parameters)
            out = out if equation.primitive.multiple_results else [out]
            found = 0.0, [np.asarray(value) for value in out]
        else:
            found = _arithmetic(equation), unknown
        if nothing_known and all(value is None for value in found[1]):
            self._plain[id(equation)] = found[0]
        return found

    def _branches(self, branches, known, unknown):
        index, *rest = known
        if index is not None:
            branch = branches[int(np.clip(index, 0, len(branches) - 1))]
            return self.count(branch.jaxpr, branch.consts, rest)
        return max(self.count(each.jaxpr, each.consts, rest)[0] for each in branches), unknown


def _inner(parameters):
    """Return the program inside a call, if there is one."""
    for value in parameters.values():
        if isinstance(value, core.ClosedJaxpr):
            return value
        if isinstance(value, core.Jaxpr) and not value.constvars:
            return core.ClosedJaxpr(value, ())
    return None


def _arithmetic(equation):
    name, shape = equation.primitive.name, equation.invars and equation.invars[0].aval.shape
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return 2.0 * equation.outvars[0].aval.size * math.prod(shape[i] for i in contracted)
    if name == "triangular_solve":
        return float(shape[-1] * equation.invars[1].aval.size)
    if name in DECOMPOSITIONS:
        (*stack, m, n), (of_both, of_one) = shape, DECOMPOSITIONS[name]
        return math.prod(stack) * (of_both * m * n**2 + of_one * n**3)
    if name in MOVES:
        return 0.0
    sums = name.startswith("reduce") or name in ("argmax", "argmin", "cumsum", "sort")
    variables = equation.invars[:1] if sums else equation.outvars
    return float(sum(v.aval.size for v in variables if _is_floating(v.aval)))


@functools.cache
def _kind(dtype):
    return np.dtype(dtype).kind


def _is_counter(aval):
    return getattr(aval, "shape", None) == () and _plain(aval.dtype) and _kind(aval.dtype) in "ib"


def _is_floating(aval):
    return _plain(aval.dtype) and jax.numpy.issubdtype(aval.dtype, jax.numpy.inexact)


def _plain(dtype):
    return not jax.numpy.issubdtype(dtype, jax.dtypes.extended)
