"""The primitives that are no quotient, and the denominators with a rule of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import run, stream

from ae_optax import transforms as tf

pytestmark = pytest.mark.usefixtures("x64")


def exact(actual, desired, rtol=1e-12):
    # rtol: some hundred units in the last place, for differences like 1 - b^t.
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=1e-14)


def test_adadelta_matches_the_formula():
    grads, decay, eps, v, u, desired = stream(2, 3), 0.9, 1e-4, 0.0, 0.0, []
    for g in grads:
        v = decay * v + (1 - decay) * g**2
        delta = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = decay * u + (1 - decay) * delta**2
        desired.append(delta)
    exact(run(tf.scale_by_adadelta(decay, eps=eps), grads), desired)


def test_the_first_step_of_adadelta_is_as_long_as_its_docstring_says():
    out = run(tf.scale_by_adadelta(0.9, eps=1e-6), np.full((1, 1), 50.0))
    # rtol: eps beside the squared gradient.
    np.testing.assert_allclose(out, np.sqrt(1e-6 / (1 - 0.9)), rtol=1e-6)


def test_adadelta_is_no_nan_after_its_squares_overflowed():
    huge = np.asarray([[1e30], [0.0], [1e30]], np.float32)
    assert np.all(np.isfinite(run(tf.scale_by_adadelta(), huge)))


def test_adan_matches_the_formula():
    b1, b2, b3, eps = 0.9, 0.8, 0.95, 1e-3
    grads, m, v, n, desired = stream(2, 3), 0.0, 0.0, 0.0, []
    last = grads[0]
    for t, g in enumerate(grads, 1):
        d, last = g - last, g
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * d
        n = b3 * n + (1 - b3) * (g + b2 * d) ** 2
        ahead = m / (1 - b1**t) + b2 * v / (1 - b2**t)
        desired.append(ahead / (np.sqrt(n / (1 - b3**t)) + eps))
    exact(run(tf.scale_by_adan(b1, b2, b3, eps=eps), grads), desired)


def test_belief_matches_the_formula():
    b1, b2, eps = 0.9, 0.95, 1e-3
    grads, m, s, desired = stream(2, 3), 0.0, 0.0, []
    for t, g in enumerate(grads, 1):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * (g - m) ** 2 + eps
        desired.append(m / (1 - b1**t) / (np.sqrt(s / (1 - b2**t)) + eps))
    exact(run(tf.scale_by_belief(b1, b2, eps=eps), grads), desired)


# The factored average.


@pytest.mark.parametrize("shape", [(3, 2), (4, 3, 2)])
def test_factored_average_matches_the_formula(shape):
    squares, exponent, rows, columns, desired = stream(*shape) ** 2 + 1e-3, 0.7, 0.0, 0.0, []
    for t, x in enumerate(squares, 1):
        rho = 1 - t**-exponent
        rows = rho * rows + (1 - rho) * x.mean(axis=-1, keepdims=True)
        columns = rho * columns + (1 - rho) * x.mean(axis=-2, keepdims=True)
        desired.append(rows * columns / rows.mean(axis=-2, keepdims=True))
    exact(run(tf.factored_average(exponent=exponent), squares), desired)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_factored_average_of_fewer_than_two_axes_is_an_average_that_lengthens(shape):
    squares, mean, desired = stream(*shape) ** 2, 0.0, []
    for t, x in enumerate(squares, 1):
        mean = mean + t**-0.8 * (x - mean)
        desired.append(mean)
    exact(run(tf.factored_average(), squares), desired)


def test_factored_average_divides_by_no_less_than_its_minimum():
    squares = stream(4, 3) ** 2
    rows, columns = squares.mean(axis=-1, keepdims=True)[0], squares.mean(axis=-2, keepdims=True)[0]
    out = run(tf.factored_average(minimum=100.0), squares)
    exact(out[0], rows * columns / 100)
    zeros = np.zeros((2, 4, 3))
    np.testing.assert_array_equal(run(tf.factored_average(minimum=None), zeros), zeros)
    with pytest.raises(ValueError, match="`minimum` must be at least 0 and finite, got -1"):
        tf.factored_average(minimum=-1)


def test_factored_average_of_an_outer_product_is_exact():
    rows, columns = np.asarray([1.0, 2.0, 4.0]), np.asarray([3.0, 5.0])
    constant = np.broadcast_to(np.outer(rows, columns), (6, 3, 2))
    exact(run(tf.factored_average(), constant), constant)


def test_the_state_of_a_factored_average_is_of_size_rows_plus_columns():
    params = {"matrix": jnp.ones((30, 20)), "stack": jnp.ones((2, 30, 20)), "vector": jnp.ones(7)}
    state = tf.factored_average().init(params)
    assert jax.tree.map(jnp.shape, state.rows) == {
        "matrix": (30,),
        "stack": (2, 30),
        "vector": (7,),
    }
    assert jax.tree.map(jnp.shape, state.columns) == {
        "matrix": (20,),
        "stack": (2, 20),
        "vector": (1,),
    }


# Rectification.


def rectification(t, b2, threshold):
    longest = 2 / (1 - b2) - 1
    length = longest - 2 * t * b2**t / (1 - b2**t)
    if length < threshold:
        return None
    above = (length - 4) * (length - 2) * longest
    return np.sqrt(above / ((longest - 4) * (longest - 2) * length))


@pytest.mark.parametrize("threshold", [4.0, 5.0])
@pytest.mark.parametrize("b2", [0.5, 0.9, 0.999])
def test_rectify_matches_the_formula(b2, threshold):
    d, desired = np.abs(stream(2)) + 0.1, []
    for t, value in enumerate(d, 1):
        r = rectification(t, b2, threshold)
        desired.append(np.ones(2) if r is None else value / r)
    # rtol: the length is a small difference of two numbers near 2 / (1 - b2).
    exact(run(tf.rectify(b2, threshold=threshold), d), desired, rtol=1e-9)


def test_rectify_trusts_more_with_every_step_and_in_the_end_fully():
    out = run(tf.rectify(0.9), np.full((300, 1), 2.0))[:, 0]
    trusted = out[out != 1]
    assert np.all(np.diff(trusted[:50]) < 0)
    np.testing.assert_allclose(out[-1], 2.0, rtol=1e-10)


@pytest.mark.parametrize("decay", [0.0, 0.25, 1 / 3, 0.6, 0.66])
def test_rectify_never_trusts_a_short_memory(decay):
    np.testing.assert_array_equal(run(tf.rectify(decay), np.full((20, 1), 2.0)), 1)


def test_rectify_in_float32_trusts_from_the_same_step_as_in_float64():
    d = np.full((20, 1), 2.0)
    # At 0.9999 the two lengths that are subtracted share all digits of float32.
    for b2 in (0.9, 0.99, 0.999, 0.9999, 0.99999):
        wide, narrow = run(tf.rectify(b2), d), run(tf.rectify(b2), d.astype(np.float32))
        np.testing.assert_array_equal(narrow == 1, wide == 1)
