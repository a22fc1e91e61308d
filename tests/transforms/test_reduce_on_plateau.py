"""``reduce_on_plateau``: patience, cooldown and threshold, counted as PyTorch counts them."""

import functools
import math
import warnings

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_optax import chain, observe, scale_by_learning_rate
from ae_optax import transforms as tf
from ae_optax.compat import keras, torch


def scales_of(tx, values):
    """Return the scale after each value."""
    start = tx.init(jnp.ones(()))

    def step(state, value):
        out, state = tx.update(jnp.ones(()), state, value=value)
        return state, (out, state.scale)

    last, (out, scale) = jax.lax.scan(step, start, values)
    assert jax.tree.map(jax.typeof, last) == jax.tree.map(jax.typeof, start)
    return out, scale


@functools.partial(jax.jit, static_argnames=("mode", "threshold_mode"))
def compiled(values, numbers, mode, threshold_mode):
    tx = tf.reduce_on_plateau(**numbers, mode=mode, threshold_mode=threshold_mode)
    return scales_of(tx, values)


NUMBERS = {
    "factor": 0.5,
    "patience": 2,
    "threshold": 1e-4,
    "cooldown": 0,
    "min_scale": 0.0,
    "accumulation": 1,
}


def scales(values, *, mode="min", threshold_mode="relative", **kwargs):
    """Return the scale after each value; the numbers are traced, so that little is compiled."""
    numbers = jax.tree.map(jnp.asarray, NUMBERS | kwargs)
    out, scale = compiled(jnp.asarray(values), numbers, mode, threshold_mode)
    np.testing.assert_array_equal(out, scale)  # The update that observes is the first to feel it.
    return np.asarray(scale)


def reductions(values, **kwargs):
    """Return at which observations, counted from 1, the scale falls."""
    return list(np.flatnonzero(np.diff(scales(values, **kwargs), prepend=1.0)) + 1)


def flat(value, n=10):
    return np.full(n, value, np.float32)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, 1e30, -1e-30])
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["relative", "absolute"])
@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({}, [4, 7, 10]),
        ({"cooldown": 2}, [4, 9]),
        ({"patience": 0}, [2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"patience": 1}, [3, 5, 7, 9]),
        ({"patience": 0, "cooldown": 1}, [2, 4, 6, 8, 10]),
        ({"patience": 20}, []),
    ],
)
def test_a_value_that_stays_is_borne_for_as_long_as_patience_says(
    value, mode, threshold_mode, kwargs, expected
):
    assert reductions(flat(value), mode=mode, threshold_mode=threshold_mode, **kwargs) == expected


def test_every_reduction_multiplies_down_to_the_minimum():
    expected = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2]
    np.testing.assert_allclose(scales(flat(1.0), min_scale=0.2), expected, rtol=1e-7)


# Each row: the best so far, a value that is just good enough, one that just is not.
@pytest.mark.parametrize(
    ("mode", "threshold_mode", "best", "good", "bad"),
    [
        ("min", "relative", 2.0, 1.79, 1.81),
        ("min", "relative", -2.0, -2.21, -2.19),
        ("max", "relative", 2.0, 2.21, 2.19),
        ("max", "relative", -2.0, -1.79, -1.81),
        ("min", "absolute", 2.0, 1.89, 1.91),
        ("min", "absolute", -2.0, -2.11, -2.09),
        ("max", "absolute", 2.0, 2.11, 2.09),
        ("max", "absolute", -2.0, -1.89, -1.91),
        ("min", "relative", 0.0, -1e-30, 0.0),
    ],
)
def test_an_improvement_is_one_by_more_than_the_threshold(mode, threshold_mode, best, good, bad):
    kwargs = {"mode": mode, "threshold_mode": threshold_mode, "threshold": 0.1, "patience": 0}
    assert reductions([best, good], **kwargs) == []
    assert reductions([best, bad], **kwargs) == [2]


def test_a_small_step_at_a_time_is_measured_from_the_best_and_not_from_the_last():
    # Each is better than the one before by less than the threshold, the fourth than the first.
    values = [1.0, 0.96, 0.93, 0.89, 0.88]
    assert reductions(values, threshold=0.1, patience=0) == [2, 3, 5]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_bad_and_never_the_best(mode, bad):
    direction = {"min": -1.0, "max": 1.0}[mode]
    better = direction * np.arange(5)
    assert reductions([better[0], bad, better[1], bad, bad, bad], mode=mode) == [6]
    assert reductions([bad, bad, better[0], better[1]], mode=mode, patience=1) == [2]
    tx = tf.reduce_on_plateau(factor=0.5, patience=1, mode=mode)
    _, state = tx.update(jnp.ones(()), tx.init(jnp.ones(())), value=bad)
    assert state.best_value == -direction * np.inf


def test_a_best_value_in_the_cooldown_is_remembered():
    # 0.5 comes while bad observations do not count; 0.7 is then no improvement.
    assert reductions([1, 1, 0.5, 0.7, 0.7], patience=0, cooldown=1) == [2, 4]


def test_several_values_make_one_observation_by_their_mean():
    once = [3.0, 2.0, 2.5, 2.5]
    noise = np.array([-0.5, 0.5, 0.0])
    many = (np.array(once)[:, None] + noise).ravel()
    expected = scales(once, patience=0)
    np.testing.assert_array_equal(scales(many, patience=0, accumulation=3)[2::3], expected)
    assert reductions(many, patience=0, accumulation=3) == [9, 12]


def test_nothing_is_observed_where_nothing_is_told():
    tx = tf.reduce_on_plateau(factor=0.5, patience=0)
    state = tx.init(jnp.ones(()))
    for kwargs in ({}, {"value": None}, {"value": 1.0, "observe": False}) * 2:
        _, after = tx.update(jnp.ones(()), state, **kwargs)
        chex.assert_trees_all_equal(after, state)
    update = jax.jit(lambda state, told: tx.update(jnp.ones(()), state, value=1.0, observe=told)[1])
    chex.assert_trees_all_equal(update(state, False), state)
    assert update(update(state, True), True).scale == 0.5


def test_a_value_told_between_two_updates_does_what_one_passed_to_the_next_does():
    tx = chain(scale_by_learning_rate(1.0), tf.reduce_on_plateau(factor=0.5, patience=1))
    passed = told = tx.init(jnp.ones(()))
    for value in (1.0, 1.0, 1.0, 0.5, 2.0, math.nan, 2.0):
        out, passed = tx.update(jnp.ones(()), passed, value=value)
        told_out, told = tx.update(jnp.ones(()), jax.jit(observe)(told, value))
        assert out == told_out
        chex.assert_trees_all_equal(passed, told)
    assert told[1].scale == 0.25


def test_a_value_is_told_through_wrappers_and_to_all_that_wait():
    plateau = tf.reduce_on_plateau(factor=0.5, patience=0)
    params = {"a": jnp.ones(2), "b": jnp.ones(2)}
    tx = optax.MultiSteps(
        optax.partition(
            {"a": optax.masked(plateau, lambda p: jax.tree.map(lambda _: True, p)), "b": plateau},
            {"a": "a", "b": "b"},
        ),
        every_k_schedule=2,
    )
    with jax.numpy_dtype_promotion("standard"):  # MultiSteps divides by a count.
        state, update = tx.init(params), jax.jit(tx.update)
        for expected in (1.0, 0.5, 0.25):
            state = observe(state, 1.0)
            for _ in range(2):
                updates, state = update(params, state, params)
            chex.assert_trees_all_close(updates, {key: expected * p for key, p in params.items()})


def test_updates_that_are_told_nothing_are_warned_of_unless_they_say_so():
    tx, params = tf.reduce_on_plateau(factor=0.5, patience=2), jnp.ones(2)
    state = tx.init(params)
    with pytest.warns(UserWarning, match="reduces nothing until it is told some: pass `value="):
        tx.update(params, state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tx.update(params, state, value=jnp.float32(1))
        tx.update(params, state, observe=False)


def test_telling_a_state_without_plateau_changes_nothing():
    tx = chain(scale_by_learning_rate(1.0), optax.scale_by_adam())
    state = tx.init({"w": jnp.ones(2), "none": None})
    chex.assert_trees_all_equal(observe(state, 1.0), state)


def test_each_member_of_a_batch_has_a_state_and_hyperparameters_of_its_own():
    values = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    patience = np.arange(5)

    def run(values, patience):
        tx = tf.reduce_on_plateau(factor=0.5, patience=patience, cooldown=patience)
        return scales_of(tx, values)[1]

    together = jax.jit(jax.vmap(run))(values, patience)
    alone = [scales(v, patience=p, cooldown=p) for v, p in zip(values, patience, strict=True)]
    np.testing.assert_array_equal(together, alone)


def test_plain_numbers_do_what_traced_ones_do():
    kwargs = {"factor": 0.3, "patience": 1, "threshold": 0.1, "cooldown": 1, "min_scale": 0.1}
    values = np.random.default_rng(1).uniform(size=20).astype(np.float32)
    tx = tf.reduce_on_plateau(**kwargs, accumulation=2)
    _, out = jax.jit(lambda v: scales_of(tx, v))(values)
    np.testing.assert_allclose(out, scales(values, **kwargs, accumulation=2), rtol=1e-6)
    assert out[-1] < 1


def test_at_scale_one_updates_keep_every_bit():
    g = {"a": jnp.asarray([1.1, -3e-5], jnp.bfloat16), "b": jnp.asarray([0.1, 1e30])}
    tx = tf.reduce_on_plateau(factor=0.5, patience=2)
    out, _ = tx.update(g, tx.init(g), value=1.0)
    chex.assert_trees_all_equal(out, g)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 1.0}, r"`factor` must lie in \(0, 1\), got 1\.0\."),
        ({"factor": 0.0}, r"`factor` must lie in \(0, 1\), got 0\.0\."),
        ({"patience": -1}, "`patience` must be a whole number of at least 0, got -1"),
        ({"patience": 2.5}, "`patience` must be a whole number of at least 0, got 2.5"),
        ({"threshold": -1e-4}, "`threshold` must be at least 0"),
        ({"cooldown": jnp.float32(0.5)}, "`cooldown` must be a whole number of at least 0"),
        ({"min_scale": 1.5}, r"`min_scale` must lie in \[0, 1\], got 1\.5\."),
        ({"accumulation": 0}, "`accumulation` must be a whole number of at least 1, got 0"),
        ({"accumulation": 1.5}, "`accumulation` must be a whole number of at least 1, got 1.5"),
        ({"mode": "smaller"}, "`mode` must be one of min, max, got 'smaller'"),
        (
            {"threshold_mode": "rel"},
            "must be one of relative, absolute, got 'rel'",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tf.reduce_on_plateau(**{"factor": 0.5, "patience": 2} | arguments)


@pytest.mark.parametrize(
    "plateau",
    [
        tf.reduce_on_plateau(factor=0.5, patience=2),
        torch.reduce_lr_on_plateau(0.1),
        keras.reduce_lr_on_plateau(learning_rate=0.1),
    ],
)
@pytest.mark.parametrize("value", [jnp.ones(1), np.ones((1, 1)), [1.0], 1j])
def test_a_value_that_is_no_single_number_is_refused(plateau, value):
    with pytest.raises(TypeError, match="`value` must be a number, got "):
        plateau.update(jnp.ones(()), plateau.init(()), value=value)


@pytest.mark.parametrize("name", ["factor", "patience", "min_scale"])
def test_what_is_no_number_is_refused(name):
    with pytest.raises(TypeError, match=f"`{name}` must be a number, got 'x'"):
        tf.reduce_on_plateau(**{"factor": 0.5, "patience": 2} | {name: "x"})


def by_hand(values, factor, patience, threshold, cooldown, better):
    """Return the scales of PyTorch's rule, for values of either sign."""
    scale, best, bad, cooling, seen = 1.0, None, 0, 0, []
    for value in values:
        if math.isfinite(value) and (best is None or better(value, best, threshold)):
            best, bad = value, 0
        else:
            bad += 1
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > patience:
            scale, cooling, bad = scale * factor, cooldown, 0
        seen.append(scale)
    return seen


RULES = {
    ("min", "relative"): lambda v, b, t: v < b - t * abs(b),
    ("max", "relative"): lambda v, b, t: v > b + t * abs(b),
    ("min", "absolute"): lambda v, b, t: v < b - t,
    ("max", "absolute"): lambda v, b, t: v > b + t,
}
# Multiples of 1/4 and a threshold that is none, so that no rounding decides.
VALUES = st.one_of(st.integers(-8, 8).map(lambda n: n / 4), st.just(math.nan), st.just(math.inf))


@given(
    values=st.lists(VALUES, min_size=25, max_size=25),
    rule=st.sampled_from(list(RULES)),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_counts_as_the_rule_written_in_python(values, rule, patience, cooldown):
    expected = by_hand(values, 0.5, patience, 0.3, cooldown, RULES[rule])
    mode, threshold_mode = rule
    kwargs = {"patience": patience, "threshold": 0.3, "cooldown": cooldown}
    out = scales(values, mode=mode, threshold_mode=threshold_mode, **kwargs)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["relative", "absolute"])
@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("cooldown", [0, 2])
def test_equals_pytorch_where_values_are_positive(mode, threshold_mode, patience, cooldown):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(patience).uniform(0.5, 1.5, size=200)
    values = np.where(np.arange(200) % 37 == 36, np.nan, values * np.exp(-np.arange(200) / 100))
    kwargs = {"factor": 0.7, "patience": patience, "threshold": 1e-2, "cooldown": cooldown}
    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, **kwargs, mode=mode, threshold_mode=threshold_mode[:3], min_lr=1e-3, eps=0.0
    )
    expected = []
    for value in values:
        scheduler.step(value)
        expected.append(optimizer.param_groups[0]["lr"])
    with jax.enable_x64(True):
        out = scales(values, **kwargs, mode=mode, threshold_mode=threshold_mode, min_scale=1e-3)
    np.testing.assert_allclose(out, expected, rtol=1e-14)
    assert len(set(expected)) > 3
