import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.lab import landscapes

RANDOM = np.random.default_rng(0)
FEATURES, TARGETS = RANDOM.normal(size=(7, 3)), RANDOM.normal(size=7)
WEIGHTS = RANDOM.normal(size=(4, 3))


def test_its_loss_is_half_the_mean_square():
    with jax.enable_x64(True):
        loss, _ = landscapes.regression(FEATURES, TARGETS)
        found = loss(jnp.asarray(WEIGHTS))
    residuals = WEIGHTS @ FEATURES.T - TARGETS
    np.testing.assert_allclose(found, 0.5 * np.mean(residuals**2, axis=1), rtol=1e-14)


def test_its_gradient_vanishes_at_least_squares():
    best = np.linalg.lstsq(FEATURES, TARGETS, rcond=None)[0]
    with jax.enable_x64(True):
        loss, _ = landscapes.regression(FEATURES, TARGETS)
        np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(best)), 0, atol=1e-14)


def test_an_example_has_a_loss_of_its_own_and_comes_again():
    with jax.enable_x64(True):
        loss, sample = landscapes.regression(FEATURES, TARGETS)
        w = jnp.asarray(WEIGHTS[0])
        each = np.array([sample(w, jnp.asarray(t)) for t in range(14)])
        np.testing.assert_allclose(each[:7], 0.5 * (FEATURES @ WEIGHTS[0] - TARGETS) ** 2)
        np.testing.assert_array_equal(each[7:], each[:7])
        np.testing.assert_allclose(each[:7].mean(), loss(w), rtol=1e-14)


@pytest.mark.parametrize(
    ("features", "targets"), [((7,), (7,)), ((7, 3), (6,)), ((7, 3), (7, 1))], ids=str
)
def test_rejects_shapes_that_do_not_agree(features, targets):
    with pytest.raises(ValueError, match=r"`features` must have shape \(m, n\)") as caught:
        landscapes.regression(np.ones(features), np.ones(targets))
    assert str(caught.value).endswith(f"got {features} and {targets}.")


def test_sparse_signs_are_there_as_often_as_told():
    drawn = landscapes.sparse_signs([1.0, 0.1, 0.0], 20_000, seed=0)
    assert set(np.unique(drawn)) == {-1.0, 0.0, 1.0}
    there = np.mean(drawn != 0, axis=0)
    assert there[0] == 1
    assert there[2] == 0
    # Five standard deviations, sqrt(f (1 - f) / m) and sqrt(f / m).
    assert abs(there[1] - 0.1) < 5 * np.sqrt(0.09 / 20_000)
    assert np.all(np.abs(drawn.mean(axis=0)) < 5 * np.sqrt([1 / 20_000, 0.1 / 20_000, 1e-30]))


def test_sparse_signs_follow_their_seed():
    first, again, other = (landscapes.sparse_signs([0.5], 50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


@pytest.mark.parametrize("frequency", [-0.1, 1.1, float("nan")])
def test_sparse_signs_reject_what_is_no_frequency(frequency):
    with pytest.raises(ValueError, match=r"`frequencies` must lie in \[0, 1\], got \[0\.5, "):
        landscapes.sparse_signs([0.5, frequency], 3, seed=0)
