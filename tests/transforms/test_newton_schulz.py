"""The Newton-Schulz iteration, by the singular values it makes."""

import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import transforms as tf

CONVERGING = (15 / 8, -10 / 8, 3 / 8)


pytestmark = pytest.mark.usefixtures("x64")


def matrix(*shape):
    x = np.random.default_rng(0).normal(size=shape)
    return jnp.asarray(x / np.sqrt(np.sum(x * x)))


def apply(transformation, x):
    return np.asarray(transformation.update(x, transformation.init(x))[0])


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5, 5), (1, 6)])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_maps_singular_values_by_the_polynomial_and_keeps_the_vectors(shape, steps):
    x = matrix(*shape)
    u, s, v = np.linalg.svd(x, full_matrices=False)
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    # atol: rounding, which five polynomials of slope 3.4 enlarge.
    np.testing.assert_allclose(apply(tf.newton_schulz(steps=steps), x), (u * s) @ v, atol=1e-12)


def test_converges_to_the_nearest_orthogonal_matrix_with_the_coefficients_that_do():
    x = matrix(4, 3)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    out = apply(tf.newton_schulz(CONVERGING, steps=30), x)
    np.testing.assert_allclose(out, u @ v, atol=1e-12)


def test_treats_every_matrix_of_a_stack_alike_and_leaves_vectors_alone():
    x = jnp.stack([matrix(4, 3), 0.5 * matrix(4, 3)])
    out = apply(tf.newton_schulz(), x)
    np.testing.assert_allclose(out[1], apply(tf.newton_schulz(), x[1]), atol=1e-14)
    np.testing.assert_array_equal(apply(tf.newton_schulz(), x[0, 0]), x[0, 0])


def test_in_bfloat16_every_entry_is_a_bfloat16_close_to_the_exact_one():
    x = matrix(4, 3)
    rough = apply(tf.newton_schulz(dtype=jnp.bfloat16), x)
    np.testing.assert_array_equal(rough, np.asarray(jnp.asarray(rough, jnp.bfloat16), np.float64))
    # atol: eight bits, over five iterations.
    np.testing.assert_allclose(rough, apply(tf.newton_schulz(), x), atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"coefficients": (1.0, 2.0)}, ValueError, "`coefficients` must be three numbers, got"),
        ({"coefficients": (1, 2, np.inf)}, ValueError, r"`coefficients\[2\]` must be finite"),
        ({"coefficients": (1, 2, "x")}, TypeError, r"`coefficients\[2\]` must be a number"),
        ({"steps": -1}, ValueError, "`steps` must be at least 0, got -1."),
        ({"steps": 2.0}, TypeError, "`steps` must be an integer, got 2.0."),
    ],
)
def test_refuses_arguments_that_are_none(arguments, error, message):
    with pytest.raises(error, match=message):
        tf.newton_schulz(**arguments)


def test_a_number_of_steps_may_be_numpys():
    x = matrix(4, 3)
    found = apply(tf.newton_schulz(steps=np.int64(3)), x)
    np.testing.assert_array_equal(found, apply(tf.newton_schulz(steps=3), x))


def test_of_complex_numbers_it_converges_to_the_nearest_unitary_matrix():
    real = np.asarray(matrix(4, 3))
    x = jnp.asarray((real + 1j * real[::-1]) / np.sqrt(2))
    left, _, right = np.linalg.svd(x, full_matrices=False)
    found = apply(tf.newton_schulz((15 / 8, -10 / 8, 3 / 8), steps=20), x)
    np.testing.assert_allclose(found, left @ right, rtol=0, atol=1e-9)
