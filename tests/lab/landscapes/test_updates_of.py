"""What an optimizer makes of a stream of gradients."""

import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import optimizers
from ae_optax.lab.landscapes import updates_of


def test_updates_are_those_of_one_leaf():
    gradients = np.float32([[1, 0], [0, 2], [1, 1]])
    updates = updates_of(optimizers.momentum(0.1, momentum=0.5), gradients)
    # The velocities are (1, 0), (0.5, 2) and (1.25, 2).
    np.testing.assert_allclose(updates, -0.1 * np.array([[1, 0], [0.5, 2], [1.25, 2]]), rtol=1e-6)


def test_a_norm_is_taken_over_all_coordinates():
    updates = updates_of(optimizers.adam_max_norm(1.0), np.float32([[1, 0.25]]))
    np.testing.assert_allclose(updates, [[-1, -0.25]], rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_updates_have_the_dtype_and_the_shape_of_the_gradients(dtype):
    gradients = jnp.ones([4, 2, 3], dtype)
    updates = updates_of(optimizers.adam(0.1), gradients)
    assert updates.dtype == dtype
    assert updates.shape == gradients.shape
