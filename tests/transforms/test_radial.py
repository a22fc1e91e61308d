"""What keeps the lengths of matrices in bounds."""

import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax as ao

W = np.asarray([[3.0, 0.0], [0.0, 4.0]], np.float32)  # Of length 5.
TURN = np.asarray([[0.0, 1.0], [-1.0, 0.0]], np.float32)  # Orthogonal to it.


def updated(tx, u, w=W):
    return np.asarray(tx.update(jnp.asarray(u), tx.init(w), jnp.asarray(w))[0])


def test_only_what_would_lengthen_is_braked():
    brake = ao.brake_growth(0.25)
    np.testing.assert_allclose(updated(brake, TURN - W), TURN - 0.25 * W, atol=1e-6)
    np.testing.assert_array_equal(updated(brake, TURN + W), TURN + W)


def test_only_what_is_short_beside_its_parameter_is_lengthened():
    floor = ao.floor_norm(0.5)
    assert np.linalg.norm(updated(floor, 0.1 * TURN)) == pytest.approx(2.5)
    np.testing.assert_array_equal(updated(floor, 10 * TURN), 10 * TURN)
    np.testing.assert_array_equal(updated(floor, 0 * TURN), 0)


def test_a_turn_keeps_the_length_and_a_push_changes_it_by_itself():
    retract = ao.retract_to_radial_length()
    assert np.linalg.norm(W + updated(retract, TURN)) == pytest.approx(5)
    assert np.linalg.norm(W + updated(retract, TURN - 0.1 * W)) == pytest.approx(4.5)


def test_a_step_from_zero_or_through_it_is_left_as_it_is():
    retract = ao.retract_to_radial_length()
    np.testing.assert_array_equal(updated(retract, TURN, 0 * W), TURN)
    np.testing.assert_array_equal(updated(retract, -2 * W), -2 * W)
