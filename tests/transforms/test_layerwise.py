"""What looks at a whole leaf, or at all leaves: norms, trust ratios and clipping."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import run, stream

from ae_optax import transforms as tf

GRADS = {"w": stream(3, 2).astype(np.float32), "s": stream(seed=1).astype(np.float32)}
PARAMS = {"w": np.asarray([[1, 2], [3, 4], [5, -6]], np.float32), "s": np.float32(-2)}


def norms(x):
    return np.sqrt(np.sum(np.square(x, dtype=np.float64), axis=tuple(range(1, x.ndim))))


def each(x, like):
    return np.reshape(x, (-1, *(1 for _ in like.shape[1:])))


def by_ratio(ratio, leaf):
    return each(ratio, GRADS[leaf]) * GRADS[leaf]


# Trust ratios.


@pytest.mark.parametrize("leaf", GRADS)
def test_trust_ratio_matches_the_formula(leaf):
    out = run(tf.scale_by_trust_ratio(coefficient=0.5), GRADS, PARAMS)[leaf]
    size, below = np.linalg.norm(PARAMS[leaf]), norms(GRADS[leaf])
    ratio = np.where(below > 0, 0.5 * size / np.where(below > 0, below, 1), 1)
    np.testing.assert_allclose(out, by_ratio(ratio, leaf), rtol=1e-6)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("leaf", GRADS)
def test_local_rate_matches_the_formula(leaf, weight_decay):
    transformation = tf.scale_by_local_rate(coefficient=0.5, weight_decay=weight_decay)
    out = run(transformation, GRADS, PARAMS)[leaf]
    size, p = np.linalg.norm(PARAMS[leaf]), PARAMS[leaf]
    below = norms(GRADS[leaf]) + weight_decay * size
    ratio = np.where(below > 0, 0.5 * size / np.where(below > 0, below, 1), 1)
    decayed = GRADS[leaf] + weight_decay * p
    # rtol and atol: float32, where gradient and parameter cancel.
    np.testing.assert_allclose(out, each(ratio, decayed) * decayed, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "transformation", [tf.scale_by_trust_ratio(), tf.scale_by_local_rate(coefficient=0.5)]
)
def test_parameters_at_zero_leave_the_update_alone(transformation):
    zeros = jax.tree.map(np.zeros_like, PARAMS)
    jax.tree.map(np.testing.assert_array_equal, run(transformation, GRADS, zeros), GRADS)


def test_a_trust_ratio_gives_the_update_the_norm_of_the_parameters():
    grads = jax.tree.map(lambda g: g[:3], GRADS)
    for unit in (1e-12, 1.0, 1e12):
        scaled = jax.tree.map(lambda g, unit=unit: np.float32(unit) * g, grads)
        out = run(tf.scale_by_trust_ratio(), scaled, PARAMS)
        for leaf, p in PARAMS.items():
            np.testing.assert_allclose(norms(out[leaf]), np.linalg.norm(p), rtol=1e-5)


def test_parameter_rms_matches_the_formula():
    out = run(tf.scale_by_parameter_rms(minimum=0.1), GRADS, PARAMS)
    for leaf, p in PARAMS.items():
        rms = np.sqrt(np.mean(np.square(p)))
        np.testing.assert_allclose(out[leaf], rms * GRADS[leaf], rtol=1e-6)


def test_parameter_rms_has_a_minimum_so_that_zeros_can_move():
    zeros = jax.tree.map(np.zeros_like, PARAMS)
    out = run(tf.scale_by_parameter_rms(minimum=0.25), GRADS, zeros)
    for leaf, g in GRADS.items():
        np.testing.assert_allclose(out[leaf], 0.25 * g, rtol=1e-6)


# The max norm.


def test_the_max_norm_is_one_number_for_each_leaf():
    out = run(tf.of_max_norm(tf.identity()), GRADS)
    for leaf, g in GRADS.items():
        np.testing.assert_array_equal(out[leaf], np.abs(g).reshape(len(g), -1).max(axis=1))


def test_the_memory_of_a_max_norm_is_a_scalar_for_each_leaf():
    state = tf.of_max_norm(tf.average(0.9)).init(PARAMS)
    assert jax.tree.map(jnp.shape, state.mean) == {"w": (), "s": ()}


def test_the_max_norm_of_nothing_is_zero():
    norm, nothing = tf.of_max_norm(tf.identity()), {"x": jnp.zeros((0, 3))}
    assert norm.update(nothing, norm.init(nothing))[0]["x"] == 0


# Clipping.


def test_clip_matches_the_formula():
    np.testing.assert_array_equal(
        run(tf.clip(0.5), GRADS["w"]), np.clip(GRADS["w"], np.float32(-0.5), np.float32(0.5))
    )


def test_clip_shortens_complex_numbers():
    clip = tf.clip(1.0)
    out, _ = clip.update(jnp.asarray([3 + 4j, 0.3 - 0.4j, 0]), optax.EmptyState())
    np.testing.assert_allclose(out, [0.6 + 0.8j, 0.3 - 0.4j, 0], rtol=1e-6)


def test_clip_by_global_norm_matches_the_formula():
    out = run(tf.clip_by_global_norm(1.5), GRADS)
    length = np.sqrt(norms(GRADS["w"]) ** 2 + GRADS["s"] ** 2)
    shorter = np.minimum(1, 1.5 / np.where(length > 0, length, 1))
    assert 0 < np.mean(shorter < 1) < 1  # Some steps are clipped and some are not.
    for leaf in GRADS:
        np.testing.assert_allclose(out[leaf], by_ratio(shorter, leaf), rtol=1e-6)


def test_clip_by_norm_matches_the_formula_leaf_by_leaf():
    out = run(tf.clip_by_norm(1.5), GRADS)
    for leaf, g in GRADS.items():
        length = norms(g)
        shorter = np.minimum(1, 1.5 / np.where(length > 0, length, 1))
        np.testing.assert_allclose(out[leaf], by_ratio(shorter, leaf), rtol=1e-6)
    assert np.any(norms(GRADS["w"]) > 1.5)


@pytest.mark.parametrize(
    "transformation",
    [tf.clip(1e3), tf.clip_by_global_norm(1e3), tf.clip_by_norm(1e3), tf.clip_by_rms(1e3)],
    ids=repr,
)
def test_what_is_short_enough_passes_unchanged(transformation):
    jax.tree.map(np.testing.assert_array_equal, run(transformation, GRADS), GRADS)


@given(unit=st.floats(-1e9, 1e9, width=32), bound=st.floats(0.01, 100.0))
@settings(deadline=None, max_examples=30)
def test_nothing_longer_than_the_bound_leaves_a_clip(unit, bound):
    grads = jax.tree.map(lambda g: np.float32(unit) * g[0], GRADS)
    length = tf.global_norm(tf.clip_by_global_norm(bound).update(grads, optax.EmptyState())[0])
    # rtol: a few units in the last place of float32.
    assert length <= bound * (1 + 1e-6)
    out, _ = tf.clip_by_rms(bound).update(grads, optax.EmptyState())
    for u in jax.tree.leaves(out):
        assert np.sqrt(np.mean(np.square(u))) <= bound * (1 + 1e-6)


def test_clip_by_rms_matches_the_formula():
    out = run(tf.clip_by_rms(0.5), GRADS)
    for leaf, g in GRADS.items():
        rms = norms(g) / np.sqrt(g[0].size)
        np.testing.assert_allclose(out[leaf], by_ratio(1 / np.maximum(1, rms / 0.5), leaf), 1e-6)


def test_global_norm_is_that_of_optax_and_zero_for_no_leaves():
    grads = jax.tree.map(lambda g: g[0], GRADS)
    np.testing.assert_allclose(tf.global_norm(grads), optax.tree.norm(grads), rtol=1e-6)
    assert tf.global_norm({}) == 0
    assert tf.global_norm({"none": None, "empty": jnp.zeros((0, 2))}) == 0


@pytest.mark.parametrize("size", [1e-44, 1e-37, 1e-20, 1e-12, 1.0, 1e18, 1e25, 3e37])
def test_global_norm_is_right_for_every_number_that_float32_has(size):
    grads = {"w": np.float32(size) * np.asarray([3, -4], np.float32), "s": np.float32(0)}
    exact = np.linalg.norm(grads["w"].astype(np.float64))
    # atol: XLA takes numbers below the smallest normal one for zero.
    atol = 1e-38 if size < 1e-40 else 0
    for norm in (tf.global_norm, jax.jit(tf.global_norm), jax.vmap(tf.global_norm, axis_size=1)):
        given = jax.tree.map(lambda g: g[None], grads) if norm is not tf.global_norm else grads
        np.testing.assert_allclose(np.squeeze(norm(given)), exact, rtol=1e-6, atol=atol)


def test_global_norm_of_what_is_no_number_or_too_large_says_so():
    assert tf.global_norm(jnp.asarray([np.inf, 1.0])) == np.inf
    assert np.isnan(tf.global_norm(jnp.asarray([np.nan, 1.0])))
    assert tf.global_norm(jnp.full(4, 3e38)) == np.inf  # 6e38


def test_the_slope_of_global_norm_is_the_direction():
    slope = jax.grad(tf.global_norm)(jnp.asarray([3.0, -4.0]))
    np.testing.assert_allclose(slope, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("clip", [tf.clip_by_global_norm, tf.clip_by_norm])
def test_a_huge_gradient_is_shortened_and_not_lost(clip):
    out, _ = clip(1.0).update(jnp.asarray([3e30, -4e30]), optax.EmptyState())
    np.testing.assert_allclose(out, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("as_function", [False, True], ids=["tree", "function"])
def test_a_leaf_without_decay_keeps_a_local_rate(as_function):
    mask = {"w": True, "s": False}
    given = (lambda params: jax.tree.map(lambda p: p.ndim > 0, params)) if as_function else mask
    make = {"coefficient": 0.5, "weight_decay": 0.3}
    out = run(tf.scale_by_local_rate(**make, weight_decay_mask=given), GRADS, PARAMS)
    decayed = run(tf.scale_by_local_rate(**make), GRADS, PARAMS)
    plain = run(tf.scale_by_local_rate(coefficient=0.5), GRADS, PARAMS)
    np.testing.assert_array_equal(out["w"], decayed["w"])
    np.testing.assert_array_equal(out["s"], plain["s"])


def test_global_norm_of_float16_does_not_overflow():
    # 300 squared is beyond float16.
    np.testing.assert_allclose(tf.global_norm(jnp.full(4, 300, jnp.float16)), 600, rtol=1e-6)
