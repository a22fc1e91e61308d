"""Optimizers and schedules tried out on a small tree, before anything is trained."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax.lab.config import FAILED, Call, ConfigError, Problems, describe
from ae_optax.lab.training import told_of_layers
from ae_optax.transforms import PathError

PARAMS = {
    "bias": jax.ShapeDtypeStruct((3,), jnp.float32),
    "kernel": jax.ShapeDtypeStruct((2, 3), jnp.float32),
}


SOME_STEPS, MANY_STEPS = 10_000, 10**8
"""Lengths of a run for the checks, which are made without the data."""


def check_timed(call: Call, problems: Problems, check: Callable[[Call, Problems], Any]) -> None:
    """Check a call, parts of whose run may be among its arguments: at a length at which it works.

    Args:
        call: What is checked.
        problems: Where what fails is noted, if it does at any length.
        check: ``check(call, problems)``, to which the length is known.
    """

    def of(steps):
        found = Problems()
        check(call.timed(steps), found)
        return found

    found = of(SOME_STEPS)
    problems.extend(of(MANY_STEPS) if len(found) and call.shares() else found)


def _affine(params):
    return jnp.sum(jnp.ones((1, 2)) @ params["kernel"] + params["bias"][None])


def check_optimizer(
    call: Call, problems: Problems, *, values: Mapping[str, Any] | None = None
) -> None:
    """Build the optimizer, evaluate its schedules and make one update, without computing it.

    Args:
        call: Makes the optimizer.
        problems: Where what fails is noted.
        values: What a comparison puts in the place of arguments; they must work traced, too.
    """
    before = len(problems)
    if call.try_build(problems, values) is FAILED:
        return
    # Optax's own functions do not pass strict promotion.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for inner in call.walk():
            if inner.kind == "schedule":
                _check_schedule(inner, problems, values)
        if len(problems) == before:
            _check_update(call, problems, values or {})


def _check_schedule(call, problems, values):
    name = call.name or call.path
    try:
        value = jnp.asarray(call.build(values)(jnp.zeros([], jnp.int32)))
        finite = value.shape == () and bool(jnp.isfinite(value))
    except Exception as error:
        where, path = call.blame(error)
        problems.add(where, path, f"{name} at step 0: {describe(error)}", cause=error)
        return
    if not finite:
        reason = f"{name} must be a finite number at step 0, got {value}."
        problems.add(call.where, call.path, reason)


def _check_update(call, problems, values):
    def update(params, values):
        transformation = optax.with_extra_args_support(call.build(values))
        state = transformation.init(params)
        told = told_of_layers(state, _affine, params)
        return transformation.update(params, state, params, observe=False, **told)

    try:
        jax.eval_shape(update, PARAMS, {path: jnp.float32(v) for path, v in values.items()})
    except Exception as error:
        cause = error.__cause__ if isinstance(error, ConfigError) else None
        cause = cause if isinstance(cause, Exception) else error
        if isinstance(cause, PathError):
            return  # Patterns are meant for the parameters of the model, which are not here.
        where, path = call.blame(cause)
        name = call.name or call.path
        reason = f"one update with {name} fails: {describe(cause)}"
        if values and isinstance(cause, jax.errors.ConcretizationTypeError):
            reason = f"{name} cannot be swept: it needs to know the number when it is made."
        problems.add(where, path, reason, cause=error)
