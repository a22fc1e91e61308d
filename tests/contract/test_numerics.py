"""No NaN from any gradient in any dtype, and second moments that do not stall."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from subjects import SUBJECTS, make, optimizers_first

DTYPES = [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]


def gradients(params):
    """Return a stream of gradients: zero, ordinary, near the largest number and near none."""
    info = jnp.finfo(params.dtype)
    # Half of the largest number: a velocity of two of them is the largest.
    sizes = [0, 1, info.max / 2, 0, info.max / 2, info.smallest_subnormal, 0]
    return jnp.stack([jnp.full_like(params, size) for size in sizes])


def largest_first(params):
    """Return a stream that starts with the largest number there is, in every dtype."""
    largest = jnp.finfo(params.dtype).max
    sizes = [largest, largest, 1, -largest, 0, 1, 0]
    return jnp.stack([jnp.full_like(params, size) for size in sizes])


def to_and_fro(params):
    """Return a stream between the largest numbers of either sign: no difference of them is one."""
    largest = jnp.finfo(params.dtype).max
    sizes = [largest, -largest, largest, -largest, 0, 1, largest]
    return jnp.stack([jnp.full_like(params, size) for size in sizes])


# What multiplies or roots what comes in, whatever it is: it is for a place in a rule.
PARTS = {name for name in SUBJECTS if name.startswith("transforms.")}
RULES = [
    name
    for name in optimizers_first()
    if (name if isinstance(name, str) else name.values[0]) not in PARTS
]


@pytest.mark.parametrize("name", RULES)
def test_no_gradient_makes_a_nan(name):
    with jax.enable_x64(True):
        params = {str(jnp.dtype(dtype)): jnp.ones((3, 2), dtype) for dtype in DTYPES}
        streams = [
            {key: stream(p) for key, p in params.items()}
            for stream in (gradients, largest_first, to_and_fro)
        ]
        tx = make(name)

        @jax.jit
        def run(grads):
            def step(state, g):
                updates, state = tx.update(g, state, params)
                return state, updates

            return jax.lax.scan(step, tx.init(params), grads)

        (state, updates), *others = map(run, streams)
        for path, leaf in jax.tree.leaves_with_path((updates, others, state)):
            assert not np.any(np.isnan(leaf.astype(jnp.float64))), jax.tree_util.keystr(path)
        # The two steps before the first huge gradient are ordinary ones.
        for path, leaf in jax.tree.leaves_with_path(updates):
            assert np.all(np.isfinite(leaf[:2].astype(jnp.float64))), jax.tree_util.keystr(path)


@pytest.mark.parametrize("name", [*RULES, "transforms.cautious", "transforms.yogi_average"])
def test_what_is_no_number_in_a_gradient_is_shown_in_the_update(name):
    tx, ones = make(name), jnp.ones((3, 2))
    update = jax.jit(tx.update)
    _, state = update({"w": ones}, tx.init({"w": ones}), {"w": ones})
    updates, _ = update({"w": ones.at[0, 1].set(jnp.nan)}, state, {"w": ones})
    assert np.isnan(updates["w"][0, 1])


def test_the_max_norm_of_a_large_leaf_does_not_pass_over_what_is_no_number():
    tx = make("transforms.of_max_norm")
    large = {"w": jnp.ones((500, 500)).at[0, 0].set(jnp.nan)}
    updates, state = jax.jit(tx.update)(large, tx.init(large))
    assert np.all(np.isnan(updates["w"]))
    assert np.isnan(state.denominator[0].mean["w"])


@functools.cache
def second_moment(name, dtype):
    optimizer, params = make(name), jnp.full(1, 1.0, dtype)

    @jax.jit
    def run():
        def step(state, _):
            return optimizer.update(jnp.full(1, 0.1, dtype), state, params)[1], None

        return jax.lax.scan(step, optimizer.init(params), length=10_000)[0]

    (denominator,) = (
        leaf
        for path, leaf in jax.tree.leaves_with_path(run())
        if "denominator" in jax.tree_util.keystr(path) and leaf.shape == (1,)
    )
    return float(denominator[0])


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_the_second_moment_of_bfloat16_does_not_stall(name):
    with jax.enable_x64(True):
        low = second_moment(name, jnp.bfloat16)
        # bfloat16 has no 0.1; what it has is 0.1001.
        desired = second_moment(name, jnp.float64) * (float(jnp.bfloat16(0.1)) / 0.1) ** 2
    assert abs(low / desired - 1) < 0.01


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["adam", "adabelief", "adan", "nadam"])
def test_a_coordinate_stands_still_where_its_square_is_too_large_but_infinity_is_not_hidden(
    name, dtype
):
    tx, params = make(name), jnp.ones(2, dtype)
    huge = jnp.asarray([jnp.finfo(dtype).max, 1.0], dtype)
    updates, _ = tx.update(huge, tx.init(params), params)
    # The largest float16 has a square in float32, in which the rule computes.
    assert (updates[0] == 0) == (dtype != "float16")
    assert updates[1] < 0
    endless = jnp.asarray([jnp.inf, 1.0], dtype)
    updates, _ = tx.update(endless, tx.init(params), params)
    assert not jnp.isfinite(updates[0])
