"""Weight decay in its kinds, with masks."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax import transforms as tf

PARAMS = {"layer": {"w": jnp.full((2, 2), 3.0), "b": jnp.full(2, 5.0)}, "s": jnp.float32(7.0)}
ONES = {"layer": {"w": jnp.ones((2, 2)), "b": jnp.ones(2)}, "s": jnp.float32(1.0)}


def decayed(mask):
    decay = tf.add_decayed_weights(0.5, weight_decay_mask=mask)
    out, _ = decay.update(ONES, decay.init(PARAMS), PARAMS)
    return float(out["layer"]["w"][0, 0]), float(out["layer"]["b"][0]), float(out["s"])


@pytest.mark.parametrize(
    ("mask", "desired"),
    [
        (None, (2.5, 3.5, 4.5)),
        ({"layer": {"w": True, "b": False}, "s": False}, (2.5, 1.0, 1.0)),
        ({"layer": True, "s": False}, (2.5, 3.5, 1.0)),
        (lambda params: {"layer": False, "s": params["s"].ndim == 0}, (1.0, 1.0, 4.5)),
    ],
    ids=["none", "tree", "prefix", "function"],
)
def test_adds_the_parameters_that_the_mask_names(mask, desired):
    assert decayed(mask) == desired


def test_decays_in_float32_before_it_rounds():
    decay, params = tf.add_decayed_weights(1e-3), jnp.full(1, 256, jnp.bfloat16)
    out, _ = decay.update(jnp.ones(1, jnp.bfloat16), decay.init(params), params)
    np.testing.assert_array_equal(out, jnp.asarray([1.256], jnp.bfloat16))


# Independent of the rate, cautious and proximal.


def test_independent_decay_follows_the_shape_of_the_schedule_not_its_height():
    for peak in (1.0, 1e-3):
        schedule = ae_optax.schedules.linear(peak, end_value=0.0, duration=4)
        optimizer = tf.chain(
            tf.scale_by_learning_rate(schedule),
            tf.add_independent_decay(0.1, learning_rate=schedule, peak=peak),
        )
        params, state, reached = jnp.float32(1.0), optimizer.init(jnp.float32(1.0)), []
        for _ in range(4):
            updates, state = optimizer.update(jnp.zeros_like(params), state, params)
            params = optax.apply_updates(params, updates)
            reached.append(float(params))
        np.testing.assert_allclose(reached, np.cumprod([0.9, 0.925, 0.95, 0.975]), rtol=1e-6)


def test_independent_decay_is_constant_by_default_and_has_a_mask():
    tx = tf.add_independent_decay(0.5, weight_decay_mask={"layer": True, "s": False})
    out, _ = tx.update(ONES, tx.init(PARAMS), PARAMS)
    np.testing.assert_array_equal(out["layer"]["w"], -0.5)
    assert out["s"] == 1


def test_cautious_decay_acts_where_the_step_shrinks_the_parameter():
    params = jnp.asarray([2.0, -2.0, 2.0, -2.0, 2.0, 0.0, 1e-30, -1e-30])
    updates = jnp.asarray([1.0, -1.0, -1.0, 1.0, 0.0, 1.0, 1e-30, 1e-30])
    tx = tf.add_cautious_decay(0.5)
    out, _ = tx.update(updates, tx.init(params), params)
    desired = [2.0, -2.0, -1.0, 1.0, 1.0, 1.0, 1.5e-30, 1e-30]
    np.testing.assert_allclose(out, desired, rtol=1e-6)


def test_cautious_decay_leaves_the_minimum_where_it_is():
    def minimum(decay):
        optimizer = tf.chain(decay, tf.scale_by_learning_rate(0.1))
        params = jnp.asarray([3.0, -5.0])

        def step(carry, _):
            p, state = carry
            updates, state = optimizer.update(p - jnp.asarray([2.0, -1.0]), state, p)
            return (optax.apply_updates(p, updates), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), length=300)[0][0]

    np.testing.assert_allclose(minimum(tf.add_cautious_decay(0.1)), [2, -1], rtol=0.02)
    np.testing.assert_allclose(minimum(tf.add_decayed_weights(0.1)), [2 / 1.1, -1 / 1.1], rtol=1e-4)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_proximal_l1_solves_the_lasso_with_true_zeros(dtype):
    # Of 1/2 (x - a)^2 + s |x| the minimum is a, drawn towards zero by s.
    a = jnp.asarray([3.0, -3.0, 0.25, -0.25, 0.0], dtype)
    optimizer = tf.chain(ae_optax.sgd(0.5), tf.proximal_l1(0.5, learning_rate=0.5))

    def step(carry, _):
        p, state = carry
        updates, state = optimizer.update(p - a, state, p)
        return (optax.apply_updates(p, updates), state), None

    start = jnp.ones(5, dtype)
    reached = jax.lax.scan(step, (start, optimizer.init(start)), length=60)[0][0]
    np.testing.assert_allclose(np.float32(reached[:2]), [2.5, -2.5], rtol=1e-2)
    np.testing.assert_array_equal(np.float32(reached[2:]), 0)


def test_proximal_l1_is_scaled_by_the_rate_in_force_and_has_a_mask():
    tx = tf.proximal_l1(
        1.0,
        learning_rate=lambda step: 0.25 * (step + 1).astype(jnp.float32),
        weight_decay_mask={"layer": True, "s": False},
    )
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    first, state = tx.update(zeros, tx.init(PARAMS), PARAMS)
    second, _ = tx.update(zeros, state, PARAMS)
    np.testing.assert_array_equal(first["layer"]["w"], -0.25)
    np.testing.assert_array_equal(second["layer"]["b"], -0.5)
    assert second["s"] == 0


def test_coupled_decay_goes_through_the_moments_and_decoupled_decay_past_them():
    def first_step(*parts):
        optimizer = tf.chain(*parts, tf.scale_by_learning_rate(1.0))
        updates, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.full(1, 10.0))
        return float(updates[0])

    decay, scaling = tf.add_decayed_weights(0.1), tf.scale_by_rms(0.0, eps=1e-12)
    assert first_step(decay, scaling) == pytest.approx(-1)  # Scaled away.
    assert first_step(scaling, decay) == pytest.approx(-2)
