import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import optimizers
from ae_optax.lab import landscapes
from ae_optax.schedules import step_decay

LOSS = landscapes.valley([0.1, 1.0])
START = [1.0, -0.5]


def test_a_descent_records_what_it_was_told_and_where_it_was():
    with jax.enable_x64(True):
        found = landscapes.descend(optimizers.momentum(0.3), LOSS, START, 20)
    assert found.positions.shape == (21, 2)
    np.testing.assert_allclose(found.gradients, found.positions[:-1] * [0.1, 1], rtol=1e-14)
    np.testing.assert_allclose(found.losses, 0.5 * found.positions**2 @ [0.1, 1], rtol=1e-14)
    np.testing.assert_array_equal(found.positions[0], START)


def test_effective_rates_are_steps_for_each_unit_of_gradient():
    with jax.enable_x64(True):
        found = landscapes.descend(optimizers.adam(0.03), LOSS, START, 20)
    moved = np.abs(np.diff(found.positions, axis=0))
    # A difference of positions has lost the digits that they share.
    np.testing.assert_allclose(found.effective_rates, moved / np.abs(found.gradients), rtol=1e-12)


def test_the_effective_rate_of_plain_descent_is_its_rate_and_unknown_without_a_gradient():
    gradients = [[1.0, 0.0], [2.0, 3.0], [0.0, 0.0]]
    found = landscapes.follow(optimizers.sgd(0.25), gradients)
    nothing = np.nan
    expected = [[0.25, nothing], [0.25, 0.25], [nothing, nothing]]
    np.testing.assert_array_equal(found.effective_rates, expected)
    np.testing.assert_array_equal(
        found.positions, [[0, 0], [-0.25, 0], [-0.75, -0.75], [-0.75, -0.75]]
    )
    np.testing.assert_array_equal(found.gradients, gradients)
    assert np.all(np.isnan(found.losses))


def test_adagrad_divides_by_the_length_of_what_it_followed():
    gradients = np.random.default_rng(0).normal(size=(30, 2))
    with jax.enable_x64(True):
        found = landscapes.follow(optimizers.adagrad(0.1), gradients, [5.0, 5.0])
    expected = 0.1 / np.sqrt(np.cumsum(gradients**2, axis=0) + 1e-8)
    np.testing.assert_allclose(found.effective_rates, expected, rtol=1e-14)
    np.testing.assert_array_equal(found.positions[0], [5.0, 5.0])


def test_the_rate_in_force_is_that_of_the_schedule():
    schedule = step_decay(0.4, factor=0.5, period=2)
    found = landscapes.descend(optimizers.sgd(schedule), LOSS, START, 5)
    np.testing.assert_allclose(found.learning_rates, [0.4, 0.4, 0.2, 0.2, 0.1], rtol=1e-6)


def test_a_sample_decides_the_steps_and_the_loss_is_told():
    loss, sample = landscapes.regression([[1.0, 0.0], [0.0, 2.0]], [1.0, 2.0])
    found = landscapes.descend(optimizers.sgd(0.5), loss, [0.0, 0.0], 3, sample=sample)
    np.testing.assert_allclose(found.gradients, [[-1, 0], [0, -4], [-0.5, 0]], rtol=1e-6)
    np.testing.assert_allclose(found.losses, [1.25, 1.0625, 1.0625, 1.015625], rtol=1e-6)


def test_paths_by_rate_are_the_descents_at_these_rates():
    loss, sample = landscapes.regression([[1.0, 0.3], [0.5, 2.0], [1.0, -1.0]], [1.0, 2.0, 0.0])
    rates = [0.01, 0.1, 0.3]
    with jax.enable_x64(True):
        paths = landscapes.paths_by_rate(optimizers.adam, rates, loss, START, 25, sample=sample)
        for rate, path in zip(rates, paths, strict=True):
            alone = landscapes.descend(optimizers.adam(rate), loss, START, 25, sample=sample)
            np.testing.assert_allclose(path, alone.positions, rtol=1e-11)
    assert paths.shape == (3, 26, 2)


def test_paths_by_rate_take_the_loss_itself_without_a_sample():
    paths = landscapes.paths_by_rate(optimizers.sgd, [0.5], LOSS, START, 1)
    np.testing.assert_allclose(paths, [[START, [0.95, -0.25]]], rtol=1e-6)


def test_no_step_is_no_descent():
    message = r"`steps` must be at least 1 and finite, got 0\."
    with pytest.raises(ValueError, match=message):
        landscapes.descend(optimizers.sgd(0.1), LOSS, START, 0)
    with pytest.raises(ValueError, match=message):
        landscapes.paths_by_rate(optimizers.sgd, [0.1], LOSS, START, 0)
    with pytest.raises(ValueError, match=message):
        landscapes.follow(optimizers.sgd(0.1), jnp.zeros((0, 2)))


def test_losses_take_points_of_numpy_for_a_figure():
    points = np.asarray([START, [0.0, 0.0]])
    np.testing.assert_allclose(LOSS(points), [0.175, 0], rtol=1e-6)
    loss, _ = landscapes.regression([[1.0, 2.0]], [1.0])
    np.testing.assert_allclose(loss(points), [0.5, 0.5], rtol=1e-6)
