import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import optimizers
from ae_optax.lab import landscapes

START = [1.0, 0.5]


def test_its_loss_is_half_the_curved_square():
    loss = landscapes.valley([0.1, 2.0])
    points = jnp.asarray([[3.0, 4.0], [0.0, 1.0]])
    np.testing.assert_allclose(loss(points), [0.05 * 9 + 16, 1], rtol=1e-6)
    np.testing.assert_allclose(jax.grad(loss)(points[0]), [0.3, 8.0], rtol=1e-6)


@pytest.mark.parametrize("eps", [1, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("learning_rate", [0.1, 1.0, 1.9, 2.1])
def test_descent_keeps_to_its_closed_form(eps, learning_rate):
    steps = 300
    with jax.enable_x64(True):
        optimizer = optimizers.sgd(learning_rate)
        found = landscapes.descend(optimizer, landscapes.valley([eps, 1]), START, steps)
    exact = landscapes.descent_in_valley([eps, 1], START, learning_rate=learning_rate, steps=steps)
    assert found.positions.dtype == exact.dtype == np.float64
    # A step rounds twice, and what is below the normal numbers has fewer digits.
    np.testing.assert_allclose(found.positions, exact, rtol=steps * 4e-16, atol=1e-300)


def test_the_closed_form_is_a_power_of_the_step():
    exact = landscapes.descent_in_valley([0.5, 3.0], [2.0, -1.0], learning_rate=1.0, steps=3)
    np.testing.assert_array_equal(exact, [[2, -1], [1, 2], [0.5, -4], [0.25, 8]])


@pytest.mark.parametrize(
    ("learning_rate", "steps", "message"),
    [
        (0.0, 3, r"`learning_rate` must be positive and finite, got 0\.0\."),
        (0.1, -1, r"`steps` must be at least 0 and finite, got -1\."),
    ],
)
def test_the_closed_form_rejects_what_is_out_of_range(learning_rate, steps, message):
    with pytest.raises(ValueError, match=message):
        landscapes.descent_in_valley([1.0], [1.0], learning_rate=learning_rate, steps=steps)
