"""What looks at one unit at a time: adaptive clipping and centralisation."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax import transforms as tf

RNG = np.random.default_rng(0)
SHAPES = {"bias": (3,), "scalar": (), "dense": (4, 3), "conv": (2, 2, 4, 3)}
PARAMS = {k: RNG.normal(size=s).astype(np.float32) for k, s in SHAPES.items()}
GRADS = {k: RNG.normal(size=s).astype(np.float32) for k, s in SHAPES.items()}


def once(transformation, grads=GRADS, params=PARAMS):
    out, _ = transformation.update(grads, transformation.init(params), params)
    return {k: np.asarray(u) for k, u in out.items()}


def units(x, axis):
    """Return one row for each unit."""
    return x.reshape(1, -1) if x.ndim < 2 else np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("leaf", SHAPES)
def test_adaptive_clip_matches_the_formula(leaf, axis):
    out = once(tf.adaptive_clip(0.9, eps=0.5, axis=axis))[leaf]
    clipped = []
    for u, g, w in zip(*(units(x[leaf], axis) for x in ({leaf: out}, GRADS, PARAMS)), strict=True):
        bound, length = 0.9 * max(np.linalg.norm(w), 0.5), np.linalg.norm(g)
        np.testing.assert_allclose(u, g * min(1, bound / length), rtol=1e-5)
        clipped.append(length > bound)
    if leaf == "dense":
        assert 0 < sum(clipped) < len(clipped)


def test_adaptive_clip_equals_optax_on_kernels():
    # Optax has the outputs last too, but a vector of one by one.
    grads, params = ({k: tree[k] for k in ("dense", "conv")} for tree in (GRADS, PARAMS))
    desired, _ = optax.adaptive_grad_clip(0.5).update(grads, optax.EmptyState(), params)
    for leaf, u in once(tf.adaptive_clip(0.5), grads, params).items():
        np.testing.assert_allclose(u, desired[leaf], rtol=1e-5)


def test_units_at_zero_can_move_and_zero_gradients_stay_zero():
    zeros = {k: np.zeros_like(p) for k, p in PARAMS.items()}
    out = once(tf.adaptive_clip(0.1, eps=0.5), params=zeros)
    np.testing.assert_allclose(np.linalg.norm(out["dense"], axis=0), 0.05, rtol=1e-5)
    assert all(not np.any(u) for u in once(tf.adaptive_clip(0.1), zeros).values())


@pytest.mark.parametrize("axis", [-1, 0])
def test_centralised_units_have_mean_zero_and_biases_pass(axis):
    out = once(tf.centralize(axis=axis))
    for leaf, g in GRADS.items():
        if g.ndim < 2:
            np.testing.assert_array_equal(out[leaf], g)
            continue
        rows = units(g, axis)
        desired = rows - rows.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(units(out[leaf], axis), desired, atol=1e-6)


def test_centralising_again_changes_nothing():
    out = once(tf.centralize())
    for leaf, u in once(tf.centralize(), out).items():
        np.testing.assert_allclose(u, out[leaf], atol=1e-6)


def test_centralize_along_the_first_axis_is_that_of_optax():
    desired, _ = optax.centralize().update(GRADS, optax.EmptyState())
    for leaf, u in once(tf.centralize(axis=0)).items():
        np.testing.assert_allclose(u, desired[leaf], atol=1e-6)


@pytest.mark.parametrize("make", [tf.adaptive_clip, tf.centralize])
def test_an_axis_that_is_none_is_refused(make):
    for axis in (0.5, None, True, "-1"):
        with pytest.raises(TypeError, match="`axis` must be an integer, got"):
            make(axis=axis)
    with pytest.raises(
        ValueError, match=r"`axis` must be an axis of every leaf, got 2 for \(4, 3\)"
    ):
        once(make(axis=2), {"w": jnp.ones((4, 3))}, {"w": jnp.ones((4, 3))})
