"""The factor for what is rarely active."""

import numpy as np
import pytest
from running import run

import ae_optax
from ae_optax import transforms as tf


def by_formula(g, decay, exponent):
    out = np.zeros_like(g)
    for t in range(1, len(g) + 1):
        weights = decay ** np.arange(t - 1, -1, -1.0)[:, None]
        share = np.sum(weights * (g[:t] != 0), axis=0) / np.sum(weights)
        out[t - 1] = np.where(g[t - 1] != 0, np.where(share > 0, share, 1) ** -exponent, 0)
    return out * g


@pytest.mark.parametrize(("decay", "exponent"), [(0.9, 0.5), (0.99, 1.0), (0.0, 2.0)])
def test_matches_the_formula(decay, exponent):
    rng = np.random.default_rng(0)
    g = rng.normal(size=(80, 4)) * (rng.random((80, 4)) < [1.0, 0.5, 0.1, 0.0])
    out = run(tf.scale_by_sparsity(decay, exponent=exponent), g.astype(np.float32))
    np.testing.assert_allclose(out, by_formula(g, decay, exponent), rtol=2e-5)


def test_dense_gradients_pass_and_their_size_does_not_matter():
    g = np.full((50, 2), [1e-20, 1e10], np.float32)
    np.testing.assert_allclose(run(tf.scale_by_sparsity(0.9), g), g, rtol=1e-6)


def test_a_first_sign_of_life_has_the_largest_factor_and_no_other_is_larger():
    g = np.zeros((2000, 1), np.float32)
    g[-1] = 1
    np.testing.assert_allclose(run(tf.scale_by_sparsity(0.99), g)[-1], 10, rtol=1e-4)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_with_exponent_one_a_rare_feature_moves_as_far_as_a_dense_one(share):
    g = (np.arange(4000)[:, None] % int(1 / share) == 0).astype(np.float32)
    out = run(tf.scale_by_sparsity(0.999, exponent=1.0), g)
    # After the start, on average over many periods.
    assert np.mean(out[2000:]) == pytest.approx(1, rel=0.01)


def test_with_exponent_one_half_it_favours_the_rare_as_adagrad_does():
    g = np.ones((4000, 2), np.float32)
    g[np.arange(4000) % 4 != 0, 1] = 0
    steps = {
        "adagrad": run(ae_optax.adagrad(1.0), g),
        "sparsity": run(tf.scale_by_sparsity(0.999), g),
    }
    for path in steps.values():
        dense, rare = path[3996]  # A step at which both are active.
        assert rare / dense == pytest.approx(2, rel=0.01)
