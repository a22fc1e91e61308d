"""The average of the parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax import transforms as tf


def trained(optimizer, params, grads):
    @jax.jit
    def run():
        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(jnp.full_like(params, g), state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), (params, tf.evaluation_params(state, params))

        start = (params, optimizer.init(params))
        return jax.lax.scan(step, start, jnp.asarray(grads, jnp.float32))

    (_, state), (path, means) = run()
    return state, np.asarray(path), np.asarray(means)


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_matches_the_formula_and_leaves_the_start_out(decay):
    grads = np.random.default_rng(0).normal(size=30)
    optimizer = ae_optax.chain(ae_optax.adam(0.1), tf.average_params(decay))
    _, path, means = trained(optimizer, jnp.full(2, 100.0), grads)
    for t in range(1, 31):
        weights = decay ** np.arange(t - 1, -1, -1.0)
        desired = np.sum(weights[:, None] * path[:t], axis=0) / np.sum(weights)
        # rtol: thirty roundings of float32.
        np.testing.assert_allclose(means[t - 1], desired, rtol=2e-6)


def test_it_changes_no_update():
    params, grads = jnp.ones(3), jnp.asarray([1.0, -2.0, 3.0])
    tx = tf.average_params(0.9)
    np.testing.assert_array_equal(tx.update(grads, tx.init(params), params)[0], grads)


def test_before_the_first_step_it_is_a_copy_of_the_parameters():
    params = {"w": jnp.ones(3)}
    state = tf.average_params(0.9).init(params)
    np.testing.assert_array_equal(state.mean["w"], 1)
    assert state.mean["w"] is not params["w"]
    pointers = [x.unsafe_buffer_pointer() for x in (state.mean["w"], params["w"])]
    assert pointers[0] != pointers[1]


def test_the_average_of_bfloat16_does_not_stall():
    # Of the parameters as they are stored; in bfloat16 an average of 0.999 never gets there.
    tx = tf.average_params(0.999)
    params, moved = jnp.zeros(1, jnp.bfloat16), jnp.ones(1, jnp.bfloat16)

    @jax.jit
    def run():
        state = tx.update(jnp.zeros_like(params), tx.init(params), params)[1]

        def step(state, _):
            return tx.update(jnp.zeros_like(moved), state, moved)[1], None

        return jax.lax.scan(step, state, length=5000)[0]

    mean = run().mean
    assert mean.dtype == jnp.float32
    np.testing.assert_allclose(mean, 1 - 0.999**5000 * 0.001 / (1 - 0.999**5001), rtol=1e-4)


def test_it_reads_the_parameters_as_they_will_be_stored():
    tx, params = tf.average_params(0.0), jnp.ones(1, jnp.bfloat16)
    _, state = tx.update(jnp.full(1, 1e-3, jnp.bfloat16), tx.init(params), params)
    np.testing.assert_array_equal(state.mean, 1)
