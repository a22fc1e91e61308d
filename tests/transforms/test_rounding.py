"""Parameters of few digits that move all the same: by chance, or by memory."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ae_optax
from ae_optax import transforms as tf
from ae_optax.transforms._rounding import round_nearest, round_randomly

NARROW = pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=["bfloat16", "float16"])
# Of ordinary size: what is below the smallest of bfloat16 is flushed to zero here and there.
ANY = st.floats(2.0**-30, 1e4, width=32) | st.floats(-1e4, -(2.0**-30), width=32)


def trained(optimizer, start, grad, steps):
    """Return the parameter after each step along a constant gradient."""

    @jax.jit
    def run():
        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(jnp.full_like(params, grad), state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[1]

    return np.asarray(run().astype(jnp.float32), np.float64)


def spacing(x, dtype):
    return np.spacing(np.abs(np.asarray(x, dtype))).astype(np.float64)


# The roundings themselves.


@given(x=ANY)
@settings(deadline=None, max_examples=200)
def test_nearest_is_the_conversion_that_it_stands_for(x):
    for dtype in (jnp.bfloat16, jnp.float16):
        rounded = round_nearest(jnp.float32(x), dtype)
        assert rounded == jnp.float32(x).astype(dtype).astype(jnp.float32)
        assert round_nearest(rounded, dtype) == rounded


@NARROW
@pytest.mark.parametrize("x", [0.0, 1.0, -1.5, 2.0**-14, 2.0**-24, 3 * 2.0**-25, 65504.0])
def test_numbers_that_the_dtype_has_and_ties_round_as_the_conversion_does(dtype, x):
    for number in (x, x * (1 + 2.0**-8), x * (1 + 2.0**-11), -x):
        if abs(number) <= 65504:
            desired = np.float32(np.asarray(number, np.float32).astype(dtype))
            assert round_nearest(jnp.float32(number), dtype) == desired, number


@NARROW
def test_what_is_too_large_becomes_the_largest_number_and_what_is_none_stays_none(dtype):
    largest = float(jnp.finfo(dtype).max)
    x = jnp.asarray([3.4e38, -3.4e38, jnp.inf, -jnp.inf, jnp.nan], jnp.float32)
    desired = [largest, -largest, np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(round_nearest(x, dtype), desired)
    np.testing.assert_array_equal(round_randomly(x, dtype, jnp.full(5, 0.5)), desired)


@given(x=ANY, noise=st.floats(0, 1, exclude_max=True, width=32))
@settings(deadline=None, max_examples=200)
def test_random_rounding_goes_to_one_of_the_two_neighbours(x, noise):
    for dtype in (jnp.bfloat16, jnp.float16):
        rounded = round_randomly(jnp.float32(x), dtype, jnp.float32(noise))
        assert rounded == rounded.astype(dtype).astype(jnp.float32)
        assert abs(rounded - np.float32(x)) <= spacing(x, dtype)


@NARROW
@pytest.mark.parametrize("x", [1.001, -1.001, 0.7, 300.3, 1e-6])
def test_random_rounding_is_right_on_average(dtype, x):
    # Every noise once: the average is exact up to the last of them.
    noise = jnp.asarray((np.arange(4096) + 0.5) / 4096, jnp.float32)
    x = jnp.full_like(noise, x)
    mean = np.mean(np.float64(round_randomly(x, dtype, noise)))
    assert abs(mean - np.float64(x[0])) <= spacing(x[0], dtype) / 4096


# A parameter that plain bfloat16 leaves stuck.

STEPS, RATE = 400, 1e-4


def test_plain_bfloat16_never_moves():
    start = jnp.ones(2, jnp.bfloat16)
    np.testing.assert_array_equal(trained(ae_optax.sgd(RATE), start, 1.0, STEPS), 1)


@NARROW
def test_stochastic_rounding_moves_it_in_expectation(dtype):
    start = jnp.ones(1024, dtype)
    optimizer = ae_optax.chain(ae_optax.sgd(RATE), tf.stochastic_round_updates(0))
    path = trained(optimizer, start, 1.0, STEPS)
    exact = 1 - STEPS * np.float64(jnp.asarray(RATE, dtype))
    # Each step adds a variance of at most a quarter of the spacing squared.
    error = 0.5 * spacing(0.99, dtype) * np.sqrt(STEPS)
    assert abs(np.mean(path[-1]) - exact) < 5 * error / np.sqrt(start.size)
    assert 0 < np.std(path[-1]) < error
    assert np.unique(path[0]).size == 2  # A step goes to one of two neighbours.


@NARROW
@pytest.mark.parametrize("storage", [None, "params"])
def test_compensation_follows_the_exact_path_within_a_spacing(dtype, storage):
    optimizer = ae_optax.chain(ae_optax.sgd(RATE), tf.compensate_updates(dtype=storage))
    path = trained(optimizer, jnp.ones(2, dtype), 1.0, STEPS)
    exact = 1 - np.arange(1, STEPS + 1)[:, None] * np.float64(jnp.asarray(RATE, dtype))
    # Half a spacing is rounding to the nearest; in "params" the compensation is rounded, too.
    share = 0.5 if storage is None else 0.75
    assert np.max(np.abs(path - exact)) <= share * spacing(0.99, dtype) + 1e-6


@NARROW
def test_compensation_is_the_sum_that_float32_would_have(dtype):
    rng = np.random.default_rng(0)
    # Steps of all sizes, some larger than the parameter.
    updates = jnp.asarray(rng.normal(size=(200, 50)) * 10 ** rng.uniform(-5, 1, (200, 50)), dtype)
    tx, start = tf.compensate_updates(), jnp.asarray(rng.normal(size=50), dtype)

    @jax.jit
    def run():
        def step(carry, u):
            params, state = carry
            u, state = tx.update(u, state, params)
            params = optax.apply_updates(params, u)
            return (params, state), (params, state.compensation)

        return jax.lax.scan(step, (start, tx.init(start)), updates)[1]

    params, compensation = (np.float64(x) for x in run())

    exact = np.float64(start) + np.cumsum(np.float64(updates), axis=0)
    # atol: two hundred roundings of float32 numbers up to a hundred.
    np.testing.assert_allclose(params + compensation, exact, atol=1e-3)


def steps_of(transformation, u, p):
    state = transformation.init(p)
    updates, _ = jax.jit(transformation.update)(u, state, p)
    return np.float64(optax.apply_updates(p, updates).astype(jnp.float32))


@NARROW
@pytest.mark.parametrize(
    "transformation",
    [tf.stochastic_round_updates(1), tf.compensate_updates()],
    ids=["chance", "memory"],
)
def test_the_parameter_arrives_at_a_neighbour_of_the_exact_sum(dtype, transformation):
    rng = np.random.default_rng(1)
    p = jnp.asarray(rng.normal(size=5000), dtype).at[:100].set(0)
    size = 10 ** rng.uniform(-4, np.log10(0.5), 5000)
    u = jnp.asarray(np.where(p == 0, 1, np.float64(p)) * size * rng.choice([-1, 1], 5000), dtype)
    exact = np.float64(p) + np.float64(u)
    unit = spacing(exact, dtype)
    small = np.abs(np.float64(u)) <= np.abs(np.float64(p)) / 2
    reached = steps_of(transformation, u, p)
    # Exactly: less than a spacing from the sum, and on the one right side of what is short of it.
    assert np.all(
        np.abs(reached - exact)[small | (np.float64(p) == 0)] < unit[small | (np.float64(p) == 0)]
    )
    huge = steps_of(transformation, 100 * u, p)
    sums = np.float64(p) + np.float64(100 * u)
    assert np.all(
        np.abs(huge - sums) <= 1.5 * np.maximum(spacing(sums, dtype), spacing(100 * u, dtype))
    )


def test_wide_parameters_pass_unchanged_and_cost_nothing():
    with jax.enable_x64(True):
        params = {"a": jnp.ones(3, jnp.float32), "b": jnp.ones(3, jnp.float64)}
        updates = jax.tree.map(lambda p: 1e-3 * p, params)
        for tx in (tf.stochastic_round_updates(0), tf.compensate_updates()):
            state = tx.init(params)
            chex.assert_trees_all_equal(tx.update(updates, state, params)[0], updates)
            assert all(leaf.size <= 2 for leaf in jax.tree.leaves(state))


def test_noise_differs_by_leaf_and_step_and_repeats_with_the_key():
    params = {"a": jnp.ones(500, jnp.bfloat16), "b": jnp.ones(500, jnp.bfloat16)}
    updates = jax.tree.map(lambda p: 0.002 * p, params)

    def two_steps(key):
        tx = tf.stochastic_round_updates(key)
        first, state = tx.update(updates, tx.init(params), params)
        second, _ = tx.update(updates, state, params)
        return [np.float32(u) for tree in (first, second) for u in tree.values()]

    runs = two_steps(0)
    for i in range(4):
        for j in range(i):
            assert np.any(runs[i] != runs[j])
    for same in (jax.random.key(0), jax.random.PRNGKey(0), np.int64(0)):
        chex.assert_trees_all_equal(two_steps(same), runs)
    assert np.any(two_steps(1)[0] != runs[0])


@pytest.mark.parametrize("key", [None, 0.5, True, "0", jnp.ones(2), jnp.ones((), jnp.int32)])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(TypeError, match="`key` must be a random key or an integer, got"):
        tf.stochastic_round_updates(key)


def test_gradients_of_float32_for_parameters_of_bfloat16_keep_their_dtype():
    params, updates = jnp.ones(3, jnp.bfloat16), jnp.full(3, 1e-3, jnp.float32)
    for tx in (tf.stochastic_round_updates(0), tf.compensate_updates()):
        out, _ = tx.update(updates, tx.init(params), params)
        assert out.dtype == jnp.float32
        reached = params.astype(jnp.float32) + out
        np.testing.assert_array_equal(reached, reached.astype(jnp.bfloat16).astype(jnp.float32))
