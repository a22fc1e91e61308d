"""Transformations around an optimizer: lookahead, accumulation, steps not taken."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax import transforms as tf
from ae_optax.compat import keras, torch

WRAPPERS = [
    tf.lookahead,
    lambda inner: tf.accumulate(inner, every=2),
    tf.skip_non_finite,
    tf.skip_outliers,
    lambda inner: tf.schedule_free(inner, 0.1),
]


def run(optimizer, grads, params):
    """Return the parameters after each step, and the last state."""

    @jax.jit
    def scan(grads, params):
        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(g, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        (_, state), path = jax.lax.scan(step, (params, optimizer.init(params)), grads)
        return path, state

    path, state = scan(jnp.asarray(grads, jnp.float32), params)
    return np.asarray(path), state


def stream(steps=24, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, 3)).astype(np.float32)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_what_is_no_transformation_is_refused(wrap):
    for inner in (None, ae_optax.sgd):
        with pytest.raises(TypeError, match="`inner` must be a gradient transformation, got"):
            wrap(inner)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_extra_arguments_and_parameters_reach_the_optimizer(wrap):
    seen = []

    def update(updates, state, params=None, *, value):
        seen.append((params is not None, value))
        return updates, state

    inner = optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
    params = jnp.ones(2)
    tx = wrap(inner)
    tx.update(params, tx.init(params), params, value=3)
    assert set(seen) == {(True, 3)}


# Lookahead.


@pytest.mark.parametrize(("every", "slow_rate"), [(1, 0.5), (5, 0.5), (4, 0.8)])
def test_lookahead_matches_the_formula(every, slow_rate):
    grads = stream()
    path, _ = run(
        tf.lookahead(ae_optax.sgd(0.1), every=every, slow_rate=slow_rate), grads, jnp.ones(3)
    )
    slow = fast = np.ones(3)
    for t, g in enumerate(grads, 1):
        fast = fast - 0.1 * g
        if t % every == 0:
            slow = fast = slow + slow_rate * (fast - slow)
        np.testing.assert_allclose(path[t - 1], fast, rtol=1e-5, atol=1e-6)


def test_lookahead_equals_the_fast_parameters_of_optax():
    grads = stream()
    theirs = optax.lookahead(optax.adam(0.1), 6, 0.5)

    def step(carry, g):
        params, state = carry
        updates, state = theirs.update(g, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params.fast

    start = optax.LookaheadParams.init_synced(jnp.ones(3))
    with jax.numpy_dtype_promotion("standard"):
        desired = jax.lax.scan(step, (start, theirs.init(start)), jnp.asarray(grads))[1]
    path, _ = run(tf.lookahead(ae_optax.adam(0.1), every=6), grads, jnp.ones(3))
    np.testing.assert_allclose(path, desired, rtol=1e-5, atol=1e-6)


def test_lookahead_that_returns_nothing_is_the_optimizer_itself():
    path, state = run(tf.lookahead(ae_optax.adam(0.1), slow_rate=1.0), stream(), jnp.ones(3))
    desired, inner = run(ae_optax.adam(0.1), stream(), jnp.ones(3))
    np.testing.assert_allclose(path, desired, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(state.inner, inner, rtol=1e-6)


@pytest.mark.parametrize("slow_rate", [0.0, -0.5, 1.5])
def test_a_slow_rate_lies_in_its_interval(slow_rate):
    with pytest.raises(ValueError, match=r"`slow_rate` must lie in \(0, 1\], got"):
        tf.lookahead(tf.identity(), slow_rate=slow_rate)


@pytest.mark.parametrize(
    "tx",
    [
        tf.lookahead(tf.identity(), every=10**10),
        tf.accumulate(tf.identity(), every=10**10),
        tf.delay(tf.identity(), steps=10**10),
        tf.switch(at=10**10, before=tf.identity(), after=tf.scale(0.0)),
        tf.skip_outliers(tf.identity(), warmup_steps=10**10),
        tf.reduce_on_plateau(factor=0.5, patience=10**10, cooldown=10**10, accumulation=10**10),
        keras.reduce_lr_on_plateau(learning_rate=0.1, patience=10**10, cooldown=10**10),
        torch.reduce_lr_on_plateau(0.1, patience=10**10, cooldown=10**10),
    ],
)
def test_more_steps_than_can_be_counted_are_as_good_as_endless(tx):
    grad = jnp.ones(2)
    update, _ = tx.update(grad, tx.init(grad), grad, value=1.0)
    assert update[0] in (0, 1)  # What is gathered is kept back.


@pytest.mark.parametrize("make", [tf.lookahead, tf.accumulate])
def test_a_number_of_steps_is_a_positive_integer(make):
    for every in (0, -1):
        with pytest.raises(ValueError, match=f"`every` must be at least 1, got {every}"):
            make(tf.identity(), every=every)
    for every in (2.0, None, True):
        with pytest.raises(TypeError, match=f"`every` must be an integer, got {every}"):
            make(tf.identity(), every=every)


# Accumulation.


@pytest.mark.parametrize("every", [1, 3])
def test_accumulation_is_one_step_along_the_mean(every):
    grads = stream()
    path, state = run(tf.accumulate(ae_optax.adam(0.1), every=every), grads, jnp.ones(3))
    means = grads.reshape(-1, every, 3).mean(axis=1)
    desired, inner = run(ae_optax.adam(0.1), means, jnp.ones(3))
    np.testing.assert_allclose(path[every - 1 :: every], desired, rtol=1e-5)
    chex.assert_trees_all_close(state.inner, inner, rtol=1e-5)
    held = np.concatenate(
        [np.ones((every - 1, 3)), np.repeat(path[every - 1 :: every], every, axis=0)]
    )
    np.testing.assert_array_equal(path, held[: len(path)])  # In between nothing moves at all.


@pytest.mark.parametrize(
    "tx", [tf.accumulate(tf.scale(-1.0), every=2), keras.sgd(1.0, gradient_accumulation_steps=2)]
)
def test_a_mean_of_gradients_ends_with_them_whichever_is_missing(tx):
    params = {"w": jnp.ones(1)}
    state, steps = tx.init(params), []
    for g in (1.0, None, 1.0, 1.0, None, 1.0):
        updates, state = tx.update({"w": g and jnp.full(1, g)}, state, params)
        steps.append(updates["w"])
    assert steps[1] is steps[4] is None
    np.testing.assert_array_equal([steps[3][0], steps[5][0]], [-1.0, -0.5])


def test_accumulation_equals_that_of_optax():
    theirs = optax.MultiSteps(optax.adam(0.1), 4).gradient_transformation()
    with jax.numpy_dtype_promotion("standard"):
        desired, _ = run(theirs, stream(), jnp.ones(3))
    path, _ = run(tf.accumulate(ae_optax.adam(0.1), every=4), stream(), jnp.ones(3))
    np.testing.assert_allclose(path, desired, rtol=1e-5)


def counted(calls):
    """Return a transformation that notes at run time that its work is done."""

    def update(updates, state, params=None):
        jax.debug.callback(lambda: calls.append(1))
        return updates, state

    return optax.GradientTransformation(lambda _: optax.EmptyState(), update)


def test_accumulation_does_the_work_only_when_it_emits():
    calls = []
    run(tf.accumulate(counted(calls), every=4), stream(), jnp.ones(3))
    jax.effects_barrier()
    assert len(calls) == 6


def test_many_bfloat16_gradients_are_gathered_in_float32():
    tx, params = tf.accumulate(tf.identity(), every=1000), jnp.ones(1, jnp.bfloat16)

    def step(state, _):
        out, state = tx.update(jnp.full(1, 0.1, jnp.bfloat16), state, params)
        return state, out

    out = jax.lax.scan(step, tx.init(params), length=1000)[1]
    assert out[-1] == jnp.bfloat16(0.1)  # A sum in bfloat16 would have stopped at 32.


def test_a_schedule_stands_still_between_emissions():
    optimizer = tf.accumulate(ae_optax.sgd(lambda t: 1 + jnp.asarray(t, jnp.float32)), every=2)
    path, _ = run(optimizer, np.ones((6, 1)), jnp.zeros(1))
    np.testing.assert_array_equal(path[1::2, 0], [-1, -3, -6])


# Steps not taken.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("wrap", [tf.skip_non_finite, tf.skip_outliers])
def test_a_skipped_step_is_as_if_it_had_not_been(wrap, bad):
    grads = stream()
    spoilt = np.insert(grads, [0, 5, 5, 20], grads[0], axis=0)
    places = [0, 6, 7, 23]
    spoilt[places, 1] = bad
    path, state = run(wrap(ae_optax.adam(0.1)), spoilt, jnp.ones(3))
    desired, inner = run(ae_optax.adam(0.1), grads, jnp.ones(3))
    # rtol: the same formula in another program.
    np.testing.assert_allclose(np.delete(path, places, axis=0), desired, rtol=1e-5)
    np.testing.assert_array_equal(path[places], np.insert(path, 0, 1, axis=0)[places])
    chex.assert_trees_all_close(state.inner, inner, rtol=1e-5)
    assert state.skipped == 4


def test_steps_that_are_not_finite_are_never_taken_and_counted_in_a_row():
    # Optax's `apply_if_finite` gives up after some errors in a row and applies them.
    grads = np.ones((40, 3))
    grads[5:35] = np.nan
    path, state = run(tf.skip_non_finite(ae_optax.sgd(0.1)), grads[:35], jnp.ones(3))
    assert np.all(np.isfinite(path))
    assert (state.skipped, state.skipped_in_a_row) == (30, 30)
    path, state = run(tf.skip_non_finite(ae_optax.sgd(0.1)), grads, jnp.ones(3))
    assert (state.skipped, state.skipped_in_a_row) == (30, 0)
    np.testing.assert_allclose(path[-1], 0, atol=1e-6)


def test_a_step_that_is_skipped_costs_no_work():
    calls, grads = [], stream()
    grads[::3] = np.nan
    run(tf.skip_non_finite(counted(calls)), grads, jnp.ones(3))
    jax.effects_barrier()
    assert len(calls) == 16


def test_an_outlier_is_skipped_and_the_ordinary_is_not():
    grads = np.random.default_rng(0).normal(size=(200, 30))
    grads[[50, 51, 120]] *= 100
    path, state = run(tf.skip_outliers(ae_optax.sgd(0.1), factor=3.0), grads, jnp.ones(30))
    desired, _ = run(ae_optax.sgd(0.1), np.delete(grads, [50, 51, 120], axis=0), jnp.ones(30))
    assert state.skipped == 3
    np.testing.assert_allclose(
        np.delete(path, [50, 51, 120], axis=0), desired, rtol=1e-5, atol=1e-6
    )


def test_the_mean_norm_matches_the_formula():
    grads = (
        np.abs(np.random.default_rng(0).normal(size=(60, 1))) * 3 ** np.arange(60)[:, None] ** 0.5
    )
    grads[30] *= 1e3
    _, state = run(
        tf.skip_outliers(tf.scale(-1.0), factor=2.0, decay=0.9, warmup_steps=5), grads, jnp.ones(1)
    )
    counted, mean, skipped = [], 0.0, 0
    for t, (n,) in enumerate(grads, 1):
        usual = t <= 5 or n <= 2 * mean
        skipped += not usual
        counted.append(n if usual else 2 * mean)
        weights = 0.9 ** np.arange(t - 1, -1, -1.0)
        mean = np.sum(weights * counted) / np.sum(weights)
    np.testing.assert_allclose(state.norm, mean, rtol=1e-5)
    assert state.skipped == skipped > 1
    assert state.count == 60


def test_gradients_that_are_longer_for_good_are_taken_after_a_while():
    grads = np.ones((700, 1))
    grads[500:] = 1e4
    _, state = run(tf.skip_outliers(tf.scale(-1.0), factor=10.0), grads, jnp.ones(1))
    # ln(1e3) / (0.01 * 9), the estimate of the docstring.
    assert state.skipped == pytest.approx(77, abs=8)


def test_gradients_of_zero_do_not_make_the_next_one_an_outlier():
    grads = np.zeros((60, 1))
    grads[50:] = 1
    _, state = run(tf.skip_outliers(tf.scale(-1.0)), grads, jnp.ones(1))
    assert state.skipped == 0


@pytest.mark.parametrize("factor", [1, 1.0, 0.5, -2, float("nan"), float("inf")])
def test_a_factor_that_would_skip_everything_is_refused(factor):
    with pytest.raises(ValueError, match="`factor` must be greater than 1 and finite, got"):
        tf.skip_outliers(tf.identity(), factor=factor)


@pytest.mark.parametrize("warmup_steps", [0, 2.5])
def test_outliers_need_something_usual(warmup_steps):
    with pytest.raises((ValueError, TypeError), match="`warmup_steps` must be"):
        tf.skip_outliers(tf.identity(), warmup_steps=warmup_steps)


# All of them at once, over members of an ensemble.


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_members_of_an_ensemble_are_independent(wrap):
    optimizer = wrap(ae_optax.adam(0.1))
    grads, params = jnp.asarray(stream(8)).T[:, :, None], jnp.ones((3, 1))
    together = jax.vmap(
        lambda g, p: jax.lax.scan(
            lambda c, x: (optimizer.update(x, c, p)[1], optimizer.update(x, c, p)[0]),
            optimizer.init(p),
            g,
        )[1]
    )(grads, params)
    for i in range(3):

        def step(state, g, i=i):
            out, state = optimizer.update(g, state, params[i])
            return state, out

        alone = jax.lax.scan(step, optimizer.init(params[i]), grads[i])[1]
        np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-7)
