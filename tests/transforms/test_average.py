"""``average``, ``correct_bias`` and their relatives with other rules for going or coming."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import run, stream

from ae_optax import transforms as tf

pytestmark = pytest.mark.usefixtures("x64")


def exact(actual, desired):
    # rtol: a few units in the last place of float64, in the steps' sums.
    np.testing.assert_allclose(actual, desired, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_average_matches_the_formula(decay):
    grads, m, desired = stream(2, 3), 0.0, []
    for g in grads:
        m = decay * m + (1 - decay) * g
        desired.append(m)
    exact(run(tf.average(decay), grads), desired)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_correct_bias_matches_the_formula(decay):
    grads = stream(2, 3)
    desired = [m / (1 - decay**t) for t, m in enumerate(grads, 1)]
    # rtol: 1 - 0.999^t as it stands here loses three digits.
    np.testing.assert_allclose(run(tf.correct_bias(decay), grads), desired, rtol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_correct_root_bias_matches_the_formula(decay):
    grads = stream(2, 3)
    desired = [d / np.sqrt(1 - decay**t) for t, d in enumerate(grads, 1)]
    # rtol: 1 - 0.999^t as it stands here loses three digits.
    np.testing.assert_allclose(run(tf.correct_root_bias(decay), grads), desired, rtol=1e-12)


def test_the_root_may_be_corrected_after_it_is_taken_or_before():
    grads = np.abs(stream(2, 3))
    before = run(tf.chain(tf.correct_bias(0.9), tf.root()), grads)
    exact(run(tf.chain(tf.root(), tf.correct_root_bias(0.9)), grads), before)


# Without a bound, each of these is infinite at some of the steps.
@pytest.mark.parametrize("decay", [0.3, 0.7, 0.9, 0.95, 0.99, 0.999])
def test_a_corrected_average_of_the_largest_number_is_that_number_and_infinity_stays(decay):
    largest = np.finfo(np.float32).max
    average = tf.chain(tf.average(decay), tf.correct_bias(decay))
    grads = np.full((30, 2), [largest, -largest], np.float32)
    # rtol: as many units in the last place as the sums of the steps.
    np.testing.assert_allclose(run(average, grads), grads, rtol=3e-6)
    endless = run(average, np.full((3, 2), [np.inf, -np.inf], np.float32))
    np.testing.assert_array_equal(endless, np.full((3, 2), [np.inf, -np.inf]))


def test_correct_root_bias_refuses_a_decay_that_is_none():
    with pytest.raises(ValueError, match=r"`decay` must lie in \[0, 1\), got 1\.0\."):
        tf.correct_root_bias(1.0)
    with pytest.raises(TypeError, match=r"`decay` must be a number, got 'x'\."):
        tf.correct_root_bias("x")


def test_an_average_with_decay_zero_forgets_everything():
    exact(run(tf.average(0.0), stream(3)), stream(3))


def test_an_average_of_a_sum_is_the_sum_of_the_averages():
    a, b, average = stream(3, seed=1), stream(3, seed=2), tf.average(0.9)
    exact(run(average, a + 2 * b), run(average, a) + 2 * run(average, b))


def test_an_average_stays_between_zero_and_the_extremes():
    grads = stream(50, steps=40)
    out = run(tf.average(0.7), grads)
    assert np.all(out <= np.maximum(np.maximum.accumulate(grads), 0))
    assert np.all(out >= np.minimum(np.minimum.accumulate(grads), 0))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999, 0.9999])
@pytest.mark.parametrize("traced", [False, True])
def test_the_corrected_average_of_a_constant_is_that_constant_from_the_first_step(decay, traced):
    grads = np.full((30, 2), 3.7, np.float32)

    def corrected(decay):
        return tf.chain(tf.average(decay), tf.correct_bias(decay))

    # A traced decay is a float32, so its complement has fewer digits; the two agree all the same.
    out = run(corrected(jnp.asarray(decay, jnp.float32) if traced else decay), grads)
    # rtol: sixteen units in the last place of float32; 1 - 0.9999^t alone would lose four digits.
    np.testing.assert_allclose(out, grads, rtol=1e-6)


@given(decay=st.floats(0, 0.9999), value=st.floats(-1e3, 1e3, width=32))
@settings(deadline=None, max_examples=30)
def test_the_first_corrected_average_is_the_first_gradient(decay, value):
    g = jnp.asarray([value], jnp.float32)
    transformation = tf.chain(tf.average(decay), tf.correct_bias(decay))
    out, _ = transformation.update(g, transformation.init(g))
    np.testing.assert_allclose(out, g, rtol=1e-6, atol=1e-37)


def test_correct_bias_has_nothing_left_to_correct_when_its_count_is_full():
    full = tf.CorrectBiasState(jnp.asarray(2**31 - 1, jnp.int32))
    out, state = tf.correct_bias(0.9).update(jnp.asarray([2.0]), full)
    np.testing.assert_array_equal(out, [2.0])
    assert state.count == 2**31 - 1


def test_a_slow_average_of_bfloat16_does_not_stall():
    grads = jnp.ones((2000, 1), jnp.bfloat16)
    out = run(tf.average(0.999), grads)
    # rtol: one unit in the last place of bfloat16.
    np.testing.assert_allclose(out[-1].astype(np.float32), 1 - 0.999**2000, rtol=2**-8)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [(None, jnp.float32), ("params", jnp.bfloat16), (jnp.float16, jnp.float16)],
)
def test_the_storage_dtype_is_the_one_asked_for(dtype, stored):
    params = jnp.ones(3, jnp.bfloat16)
    average = tf.average(0.9, dtype=dtype)
    out, state = average.update(params, average.init(params))
    assert state.mean.dtype == stored
    assert out.dtype == jnp.bfloat16


# Relatives.


def test_interpolated_average_matches_the_formula():
    grads, m, desired = stream(2, 3), 0.0, []
    for g in grads:
        desired.append(0.8 * m + 0.2 * g)
        m = 0.95 * m + 0.05 * g
    exact(run(tf.interpolated_average(0.8, 0.95), grads), desired)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_interpolated_average_with_one_decay_is_the_average(decay):
    grads = stream(2, 3)
    np.testing.assert_array_equal(
        run(tf.interpolated_average(decay, decay), grads), run(tf.average(decay), grads)
    )


def test_yogi_average_matches_the_formula():
    squares, v, desired = stream(2, 3) ** 2, 0.0, []
    for x in squares:
        v = v - 0.1 * np.sign(v - x) * x
        desired.append(v)
    exact(run(tf.yogi_average(0.9), squares), desired)


def test_yogi_average_starts_like_the_average_and_stays_where_it_is_right():
    x = np.full((1, 2), 3.0)
    exact(run(tf.yogi_average(0.9), x), run(tf.average(0.9), x))
    there = tf.AverageState(jnp.asarray(x[0]))
    out, _ = tf.yogi_average(0.9).update(jnp.asarray(x[0]), there)
    np.testing.assert_array_equal(out, x[0])


def test_yogi_average_falls_by_the_present_and_not_by_the_past():
    large, small = tf.AverageState(jnp.asarray([100.0])), jnp.asarray([1.0])
    out, _ = tf.yogi_average(0.9).update(small, large)
    exact(out, [99.9])


def test_yogi_average_is_no_nan_once_it_has_overflowed():
    infinite = np.full((3, 1), np.inf)
    assert np.all(run(tf.yogi_average(0.9), infinite) == np.inf)


def test_nesterov_average_matches_the_formula():
    b, grads, m, desired = 0.9, stream(2, 3), 0.0, []
    for t, g in enumerate(grads, 1):
        m = b * m + (1 - b) * g
        desired.append(b * m / (1 - b ** (t + 1)) + (1 - b) * g / (1 - b**t))
    exact(run(tf.nesterov_average(b), grads), desired)


@pytest.mark.parametrize("psi", [0.0, 0.004, 1.0])
def test_scheduled_nesterov_average_matches_the_formula(psi):
    b, grads, m, product, desired = 0.9, stream(2, 3), 0.0, 1.0, []
    for t, g in enumerate(grads, 1):
        mu, following = (b * (1 - 0.5 * 0.96 ** (s * psi)) for s in (t, t + 1))
        m = b * m + (1 - b) * g
        product = product * mu
        desired.append(following * m / (1 - product * following) + (1 - mu) * g / (1 - product))
    exact(run(tf.scheduled_nesterov_average(b, momentum_decay=psi), grads), desired)


def test_a_finished_schedule_leaves_the_nesterov_average():
    grads = stream(2, 3)
    scheduled = tf.scheduled_nesterov_average(0.9, momentum_decay=1e4)
    # rtol: a product of momenta against their power.
    np.testing.assert_allclose(
        run(scheduled, grads), run(tf.nesterov_average(0.9), grads), rtol=1e-12
    )


def test_a_nesterov_average_without_memory_is_the_gradient():
    exact(run(tf.nesterov_average(0.0), stream(3)), stream(3))
