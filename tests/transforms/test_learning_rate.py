"""``scale_by_learning_rate``: where the sign flips."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import run, stream

from ae_optax import optimizers
from ae_optax import transforms as tf
from ae_optax.compat import keras, torch

GRADS = stream(2, 3).astype(np.float32)


def halving(step):
    return 0.5 ** jnp.asarray(step, jnp.float32)


def test_flips_the_sign_and_scales():
    np.testing.assert_allclose(run(tf.scale_by_learning_rate(0.1), GRADS), -0.1 * GRADS, rtol=1e-6)


def test_a_schedule_sees_the_steps_from_zero():
    rates = (0.5 ** np.arange(len(GRADS)))[:, None, None]
    np.testing.assert_allclose(
        run(tf.scale_by_learning_rate(halving), GRADS), -rates * GRADS, rtol=1e-6
    )


@pytest.mark.parametrize(
    "learning_rate", [np.float64(0.1), np.float32(0.1), jnp.float32(0.1), lambda _: 0.1]
)
def test_a_rate_may_be_any_kind_of_number(learning_rate):
    plain = run(tf.scale_by_learning_rate(0.1), GRADS)
    out = run(tf.scale_by_learning_rate(learning_rate), GRADS)
    np.testing.assert_allclose(out, plain, rtol=2e-7)


@pytest.mark.parametrize(
    "make",
    [
        optimizers.adam,
        optimizers.schedule_free_adamw,
        lambda rate: tf.decay_after_step(0.1, learning_rate=rate),
        lambda rate: tf.add_independent_decay(0.1, learning_rate=rate, peak=1.0),
        lambda rate: tf.proximal_l1(0.1, learning_rate=rate),
        tf.ema_nesterov,
        lambda rate: keras.sgd(rate, weight_decay=0.1),
        keras.ftrl,
        keras.adafactor,
        torch.adagrad,
        torch.rprop,
    ],
)
def test_a_schedule_gives_single_numbers(make):
    with pytest.raises(TypeError, match=r"`(learning_rate|lr|strength)` must be a number at every"):
        run(make(lambda _: jnp.ones(1)), GRADS[:1], GRADS[0])


def test_a_rate_of_zero_stands_still():
    np.testing.assert_array_equal(run(tf.scale_by_learning_rate(0), GRADS), 0)


def test_the_state_shows_the_rate_that_was_used_last():
    transformation, g = tf.scale_by_learning_rate(halving), jnp.ones(2)
    state = transformation.init(g)
    assert state.last_rate == 1.0  # The one to be used first.
    for used in (1.0, 0.5, 0.25):
        _, state = transformation.update(g, state)
        assert state.last_rate == used
    assert state.count == 3


def test_the_state_never_shares_memory_with_the_rate():
    # A compiled step that donates the state would delete the rate.
    rate, g = jnp.float32(0.1), jnp.ones(2)
    transformation = tf.scale_by_learning_rate(rate)
    state = transformation.init(g)
    _, after = transformation.update(g, state)
    for shown in (state.last_rate, after.last_rate):
        assert shown.unsafe_buffer_pointer() != rate.unsafe_buffer_pointer()


def test_the_count_stops_at_its_largest_value():
    full = tf.ScaleByLearningRateState(jnp.asarray(2**31 - 1, jnp.int32), jnp.float32(0.1))
    _, state = tf.scale_by_learning_rate(0.1).update(jnp.ones(2), full)
    assert state.count == 2**31 - 1


def test_a_plain_rate_is_exact_for_float64_leaves():
    with jax.enable_x64(True):
        g = jnp.ones(2, jnp.float64)
        out, _ = tf.scale_by_learning_rate(0.1).update(g, tf.scale_by_learning_rate(0.1).init(g))
        np.testing.assert_array_equal(out, -0.1)
