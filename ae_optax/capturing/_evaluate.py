"""Evaluate a jaxpr with something added to each layer's output, and its inputs handed out."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.extend import core

from ae_optax._equations import opened, scan_counts
from ae_optax.capturing._uses import CALLS, Plan, Use

Probes = Mapping[Use, jax.Array]


def evaluate(
    jaxpr: core.Jaxpr, consts: Sequence[Any], arguments: Sequence[Any], plan: Plan, probes: Probes
) -> tuple[list[Any], dict[Use, Any]]:
    """Return what a program returns, and the inputs of the layers in its plan.

    Args:
        jaxpr: The program.
        consts: Its constants.
        arguments: Its inputs.
        plan: Where layers are used in it.
        probes: What is added to the output of each use.
    """
    held = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arguments], strict=True))
    inputs: dict[Use, Any] = {}

    def read(var):
        return var.val if isinstance(var, core.Literal) else held[var]

    for number, eqn in enumerate(jaxpr.eqns):
        values = list(map(read, eqn.invars))
        inside = plan.get(number)
        if inside is None:
            out = _alone(jaxpr, eqn, values)
        elif isinstance(inside, Use):
            (output,) = _alone(jaxpr, eqn, values)
            out = [output + probes[inside]]
            inputs[inside] = values[inside.operand]
        else:
            out, more = _within(eqn, values, inside, probes)
            inputs |= more
        held |= zip(eqn.outvars, out, strict=True)
    return list(map(read, jaxpr.outvars)), inputs


def _alone(jaxpr, eqn, values):
    """Evaluate one equation, as a program of its own: how to is for JAX to know."""
    taken = [var for var in eqn.invars if not isinstance(var, core.Literal)]
    given = [
        value
        for var, value in zip(eqn.invars, values, strict=True)
        if not isinstance(var, core.Literal)
    ]
    once = dict(zip(taken, given, strict=True))
    program = core.Jaxpr((), list(once), eqn.outvars, [eqn], eqn.effects, jaxpr.debug_info)
    return core.jaxpr_as_fun(core.ClosedJaxpr(program, ()))(*once.values())


def uses_of(plan: Plan) -> list[Use]:
    """Return the uses in a plan and in the plans inside it."""
    return [
        use
        for inside in plan.values()
        for use in ([inside] if isinstance(inside, Use) else uses_of(inside))
    ]


def _within(eqn, values, plan, probes):
    """Evaluate an equation that holds a program with layers in it."""
    name, uses = eqn.primitive.name, uses_of(plan)
    mine = [probes[use] for use in uses]
    if name == "scan":
        return _scan(eqn, values, plan, uses, mine)
    jaxpr, consts = opened(eqn.params[CALLS.get(name, "jaxpr")])

    def call(values, mine):
        out, inputs = evaluate(jaxpr, consts, values, plan, dict(zip(uses, mine, strict=True)))
        return out, [inputs[use] for use in uses]

    if name not in CALLS:
        policy, prevent_cse = eqn.params["policy"], eqn.params["prevent_cse"]
        call = jax.checkpoint(call, policy=policy, prevent_cse=prevent_cse)
    out, inputs = call(values, mine)
    return out, dict(zip(uses, inputs, strict=True))


def _scan(eqn, values, plan, uses, mine):
    params = eqn.params
    n_consts, n_carry = scan_counts(eqn)
    consts, carry = values[:n_consts], values[n_consts : n_consts + n_carry]
    jaxpr, held = opened(params["jaxpr"])

    def body(carry, each):
        sliced, mine = each
        probes = dict(zip(uses, mine, strict=True))
        arguments = [*consts, *carry, *sliced]
        out, inputs = evaluate(jaxpr, held, arguments, plan, probes)
        return out[:n_carry], (out[n_carry:], [inputs[use] for use in uses])

    carry, (out, inputs) = jax.lax.scan(
        body,
        carry,
        (values[n_consts + n_carry :], mine),
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*carry, *out], dict(zip(uses, inputs, strict=True))
