"""Streams of gradients for the optimizer tests, and the one loop that runs an optimizer."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import reference

STEPS = 64
# `bias` starts at zero, as biases do: its norm, by which trust ratios multiply, is zero.
SHAPES = {"weight": (4, 3), "bias": (5,), "scalar": ()}


def parameters(dtype=np.float64):
    rng = np.random.default_rng(0)
    params = {leaf: rng.normal(size=shape) for leaf, shape in SHAPES.items()}
    params["bias"] = np.zeros(SHAPES["bias"])
    return {leaf: np.asarray(p, dtype) for leaf, p in params.items()}


def gradients(dtype=np.float64, *, seed=1, zero_steps=(20, 21, 22), huge_step=40):
    """Return random gradients with some zero steps, a zero coordinate and a huge step.

    Every leaf has its own unit, from 0.1 to 10. The first coordinate of every leaf that has
    several is zero throughout. Step ``huge_step`` is a million times larger than the rest.
    """
    rng = np.random.default_rng(seed)
    grads = {}
    for unit, (leaf, shape) in zip([0.1, 1, 10], SHAPES.items(), strict=True):
        g = unit * rng.normal(size=(STEPS, *shape))
        g[list(zero_steps)] = 0
        if huge_step is not None:
            g[huge_step] *= 1e6
        if shape:
            g[(slice(None), *(0 for _ in shape))] = 0
        grads[leaf] = np.asarray(g, dtype)
    return grads


def constant(dtype=np.float64, *, value=0.03):
    return np.full(STEPS, value, dtype)


def decaying(dtype=np.float64):
    return np.asarray(0.1 / (1 + 0.2 * np.arange(STEPS)), dtype)


def compiled(make):
    """Return a function of (rates, grads, params), the updates of ``make(learning_rate)``.

    It compiles once for all rates and streams. The optimizer sees the rates as a schedule,
    and its own updates are added to the parameters.
    """

    def run(rates, grads, params):
        optimizer = make(lambda step: rates[step])

        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(g, state, params)
            return (optax.apply_updates(params, updates), state), updates

        return jax.lax.scan(step, (params, optimizer.init(params)), grads)[1]

    jitted = jax.jit(run)
    return lambda *args: jax.tree.map(np.asarray, jitted(*jax.tree.map(jnp.asarray, args)))


def expected(name, rates, grads, params, **settings):
    """Return what the rule ``name`` of the reference makes of the same stream."""
    rule = getattr(reference, name, None)
    assert rule, f"tests/reference.py must have the formula of {name}, a function of that name."
    if "params" not in inspect.signature(rule).parameters:
        return {leaf: rule(g, rates, **settings) for leaf, g in grads.items()}
    return {leaf: rule(g, rates, params=params[leaf], **settings) for leaf, g in grads.items()}
