"""Schedule-free training against the authors' program, and its averages."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import reference
from streams import STEPS, constant, decaying, gradients, parameters

import ae_optax
from ae_optax import transforms as tf


def make(rates, **settings):
    return ae_optax.schedule_free_adamw(lambda t: jnp.asarray(rates)[t], **settings)


def run(optimizer, grads, params):
    """Return the updates, and after each step the parameters to evaluate."""

    @jax.jit
    def scan(grads, params):
        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(g, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), (updates, tf.evaluation_params(state, params))

        return jax.lax.scan(step, (params, optimizer.init(params)), grads)[1]

    return jax.tree.map(np.asarray, scan(*jax.tree.map(jnp.asarray, (grads, params))))


SETTINGS = [
    {},
    {"warmup_steps": 20},
    {"b1": 0.5, "b2": 0.9, "eps": 1e-3, "weight_decay": 0.1, "warmup_steps": 7},
]


@pytest.mark.parametrize("rates", [constant(value=0.01), decaying()], ids=["constant", "decaying"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_the_recursion_of_the_authors(settings, rates):
    with jax.enable_x64(True):
        # No huge step: the sequences would differ by its rounding ever after.
        grads, params = gradients(zero_steps=(0, 20, 21), huge_step=None), parameters()
        updates, averages = run(make(rates, **settings), grads, params)
        for leaf, g in grads.items():
            desired = reference.schedule_free_adamw_and_average(
                g, rates, params=params[leaf], **settings
            )
            # atol: a step of 0.01, on parameters of size one, in float64.
            np.testing.assert_allclose(updates[leaf], desired[0], rtol=1e-10, atol=1e-14)
            np.testing.assert_allclose(averages[leaf], desired[1], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("power", [0.0, 1.5])
def test_the_average_is_weighted_by_the_step_and_the_largest_rate(power):
    rates = np.asarray([0.1, 0.3, 0.2, 0.2])
    optimizer = tf.schedule_free(
        tf.identity(),
        lambda t: jnp.asarray(rates, jnp.float32)[t],
        weight_power=power,
        weight_lr_power=1.0,
    )
    grads = np.asarray([1.0, -2.0, 0.5, 1.0], np.float32)
    _, averages = run(optimizer, grads, np.float32(1.0))
    z = 1 - np.cumsum(rates * grads)
    weights = np.arange(1, 5) ** power * np.maximum.accumulate(rates)
    np.testing.assert_allclose(averages, np.cumsum(weights * z) / np.cumsum(weights), rtol=1e-5)


def test_a_rate_of_zero_at_first_moves_nothing_and_has_no_weight():
    optimizer = tf.schedule_free(tf.identity(), lambda t: 0.1 * jnp.asarray(t > 0, jnp.float32))
    updates, averages = run(optimizer, np.ones(2, np.float32), np.float32(1.0))
    assert updates[0] == 0
    np.testing.assert_allclose(averages, [1.0, 0.9], rtol=1e-6)


def test_its_averages_settle_in_the_noise_of_a_constant_rate():
    noise = np.random.default_rng(0).normal(size=4000).astype(np.float32)

    def errors(optimizer, evaluate):
        def step(carry, n):
            x, state = carry
            updates, state = optimizer.update(x - 3 + n, state, x)
            x = optax.apply_updates(x, updates)
            return (x, state), evaluate(state, x)

        start = jnp.float32(0.0)
        path = jax.lax.scan(step, (start, optimizer.init(start)), jnp.asarray(noise))[1]
        return np.sqrt(np.mean(np.square(np.asarray(path)[2000:] - 3)))

    plain = errors(ae_optax.sgd(0.3), lambda _, x: x)
    averaged = errors(tf.schedule_free(tf.identity(), 0.3), tf.evaluation_params)
    assert averaged < plain / 5


def test_the_rate_in_force_can_be_read():
    optimizer = tf.schedule_free(tf.identity(), 0.4, warmup_steps=4)
    params = jnp.ones(2)
    state, seen = optimizer.init(params), []
    for _ in range(5):
        _, state = optimizer.update(params, state, params)
        seen.append(float(state.last_rate))
    np.testing.assert_allclose(seen, [0.1, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)


@pytest.mark.parametrize("b1", [0, 0.0, 1])
def test_the_share_of_the_average_is_inside_the_unit_interval(b1):
    with pytest.raises(ValueError, match="`b1` must"):
        tf.schedule_free(tf.identity(), 0.1, b1=b1)


def test_the_stream_is_long_enough_for_the_warm_up():
    assert max(s.get("warmup_steps", 0) for s in SETTINGS) < STEPS
