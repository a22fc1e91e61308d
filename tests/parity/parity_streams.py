"""The stream of gradients that all frameworks see, and the measure of their differences."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

STEPS = 200
SCHEDULE_STEPS = 120
SHAPES = {"weight": (4, 3), "bias": (5,), "scalar": ()}
UNITS = {"weight": 0.1, "bias": 1.0, "scalar": 10.0}
ZERO_STEPS = (20, 21, 22)
HUGE_STEP = 149
# The steps, counted from 1, at which the golden files keep the parameters.
GOLDEN_STEPS = (1, 2, 3, 10, 50, 100, 200)


def start(leaves=tuple(SHAPES)):
    """Return the parameters at the start."""
    rng = np.random.default_rng(0)
    params = {leaf: rng.normal(size=shape) for leaf, shape in SHAPES.items()}
    return {leaf: params[leaf] for leaf in leaves}


def gradients(leaves=tuple(SHAPES)):
    """Return random gradients with some zero steps, a zero coordinate and one huge step."""
    rng = np.random.default_rng(1)
    grads = {}
    for leaf, shape in SHAPES.items():
        g = UNITS[leaf] * rng.normal(size=(STEPS, *shape))
        g[list(ZERO_STEPS)] = 0
        g[HUGE_STEP] *= 1e6
        if shape:
            g[(slice(None), *(0 for _ in shape))] = 0
        grads[leaf] = g
    return {leaf: grads[leaf] for leaf in leaves}


def varying(step):
    """Return a learning rate that falls, at a step from 0: a number, an array or traced."""
    return 0.1 / (1 + 0.05 * step)


def varying_traced(step):
    """Return :func:`varying` as a schedule in the default float dtype."""
    return varying(jnp.asarray(step, jnp.result_type(float)))


def run_ours(case):
    """Return the parameters after each step of ``case.ours()``. Needs float64."""
    assert jax.config.jax_enable_x64

    def run(params, grads):
        tx = case.ours()

        def step(carry, g):
            params, state = carry
            updates, state = tx.update(g, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, tx.init(params)), grads)[1]

    params, grads = jax.tree.map(jnp.asarray, (start(case.leaves), gradients(case.leaves)))
    return jax.tree.map(np.asarray, jax.jit(run)(params, grads))


def run_schedule(case, steps=SCHEDULE_STEPS):
    """Return the values of ``case.ours()`` at the first steps. Needs float64."""
    assert jax.config.jax_enable_x64
    return np.asarray(jax.jit(jax.vmap(case.ours()))(jnp.arange(steps, dtype=jnp.int32)))


def pack(trajectory):
    """Return a trajectory at the golden steps as one array, a row for each step."""
    rows = np.array(GOLDEN_STEPS) - 1
    leaves = [leaf for leaf in SHAPES if leaf in trajectory]  # JAX sorts its dictionaries.
    return np.concatenate(
        [trajectory[leaf][rows].reshape(len(rows), -1) for leaf in leaves], axis=1
    )


def unpack(packed, leaves):
    """Return the trajectory that :func:`pack` packed."""
    sizes = [int(np.prod(SHAPES[leaf])) for leaf in leaves]
    parts = np.split(packed, np.cumsum(sizes)[:-1], axis=1)
    return dict(zip(leaves, parts, strict=True))


def difference(ours, theirs):
    """Return the largest difference of two trajectories, relative to the size of the leaf so far.

    The first axis is the step. The size is the largest absolute value of the whole leaf up to
    that step, so that a huge step does not hide what came before it.
    """
    errors = []
    for leaf, b in theirs.items():
        a, b = ours[leaf].reshape(len(b), -1), b.reshape(len(b), -1)
        size = np.maximum.accumulate(np.max(np.abs(b), axis=1))
        error = np.max(np.abs(a - b), axis=1)
        errors.append(np.max(np.where(error == 0, 0, error / np.maximum(size, 1e-300))))
    return float(np.max(errors))  # NaN if one is.


def schedule_difference(ours, theirs):
    """Return the largest difference of two schedules, relative to the largest value."""
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
