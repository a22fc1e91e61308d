"""Rprop: steps that the signs of gradients adapt."""

import numpy as np
import pytest
from running import run, stream

from ae_optax import transforms as tf

pytestmark = pytest.mark.usefixtures("x64")


def reference(grads, initial, decrease, increase, low, high):
    size, last, out = np.full(grads.shape[1:], initial), np.zeros(grads.shape[1:]), []
    for g in grads:
        size = size * np.where(g * last > 0, increase, np.where(g * last < 0, decrease, 1.0))
        size = np.clip(size, low, high)
        g = np.where(g * last < 0, 0.0, g)
        out.append(np.sign(g) * size)
        last = g
    return out


@pytest.mark.parametrize("bounds", [(1e-6, 50.0), (0.05, 0.2)])
def test_matches_the_formula(bounds):
    grads = stream(4, 3, steps=40)
    low, high = bounds
    out = run(
        tf.scale_by_rprop(0.1, decrease=0.4, increase=1.3, min_step=low, max_step=high), grads
    )
    # rtol: a few units in the last place, once for every product.
    np.testing.assert_allclose(out, reference(grads, 0.1, 0.4, 1.3, low, high), rtol=1e-13)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_the_size_of_the_gradient_does_not_matter(unit):
    grads = stream(3)
    np.testing.assert_array_equal(
        run(tf.scale_by_rprop(), unit * grads), run(tf.scale_by_rprop(), grads)
    )


def test_along_one_sign_the_step_grows_to_the_largest_and_stays():
    out = run(tf.scale_by_rprop(0.01, max_step=1.0), np.full((40, 1), -3.0))
    assert np.all(np.diff(out[:20, 0]) < 0)
    assert out[-1, 0] == -1.0


def test_a_coordinate_that_overshot_rests_for_one_step():
    out = run(tf.scale_by_rprop(0.1), np.array([[1.0], [-1.0], [-1.0], [-1.0]]))
    np.testing.assert_allclose(out[:, 0], [0.1, 0.0, -0.05, -0.06], rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_step": -1.0}, "`initial_step` must be at least 0 and finite, got -1.0."),
        ({"decrease": 1.0}, r"`decrease` must lie in \(0, 1\), got 1.0."),
        ({"decrease": 0.0}, "`decrease` must be positive and finite, got 0.0."),
        ({"increase": 1.0}, "`increase` must be above 1, got 1.0."),
        ({"min_step": -1.0}, "`min_step` must be at least 0 and finite, got -1.0."),
        ({"max_step": 0.0}, "`max_step` must be positive and finite, got 0.0."),
    ],
)
def test_refuses_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        tf.scale_by_rprop(**arguments)


def test_refuses_what_is_no_number():
    with pytest.raises(TypeError, match="`increase` must be a number, got 'x'"):
        tf.scale_by_rprop(increase="x")
