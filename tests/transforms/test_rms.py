"""``scale_by_rms`` and ``running_variance``."""

import numpy as np
import pytest
from running import run, stream

from ae_optax import transforms as tf

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
def test_scale_by_rms_matches_the_formula(decay, eps):
    grads, nu, desired = stream(2, 3), 0.0, []
    for g in grads:
        nu = decay * nu + (1 - decay) * g**2
        desired.append(g / np.sqrt(nu + eps))
    np.testing.assert_allclose(run(tf.scale_by_rms(decay, eps=eps), grads), desired, rtol=1e-13)


def test_scale_by_rms_is_a_quotient():
    by_hand = tf.quotient(
        numerator=tf.identity(),
        denominator=tf.chain(tf.square(), tf.average(0.9), tf.add(1e-8), tf.root()),
    )
    grads = stream(2, 3)
    np.testing.assert_array_equal(run(tf.scale_by_rms(0.9, eps=1e-8), grads), run(by_hand, grads))


def test_scale_by_rms_ignores_the_unit_of_the_gradient():
    transformation, grads = tf.scale_by_rms(eps=1e-30), stream(2, 3)
    np.testing.assert_allclose(
        run(transformation, 1e3 * grads), run(transformation, grads), rtol=1e-12
    )


def test_the_first_rms_step_is_as_long_as_its_docstring_says():
    out = run(tf.scale_by_rms(0.9, eps=1e-30), np.full((1, 2), 7.0))
    np.testing.assert_allclose(out, 1 / np.sqrt(1 - 0.9), rtol=1e-12)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_running_variance_is_the_mean_square_less_the_squared_mean(decay):
    grads = 3 + stream(2, 3)
    mean = run(tf.average(decay), grads)
    mean_square = run(tf.chain(tf.square(), tf.average(decay)), grads)
    # rtol: the difference on this side cancels three digits.
    np.testing.assert_allclose(
        run(tf.running_variance(decay), grads), mean_square - mean**2, rtol=1e-11
    )


def test_running_variance_of_a_constant_fades_and_is_never_negative():
    grads = np.full((300, 1), 1e4, np.float32)
    variance = run(tf.running_variance(0.9), grads)
    assert np.all(variance >= 0)
    # In float32 the difference of two averages of 1e8 is off by about 8 either way.
    assert variance[-1] < 1e-3


def test_running_variance_needs_a_memory():
    with pytest.raises(ValueError, match=r"`decay` must be positive and finite, got 0\.0\."):
        tf.running_variance(0.0)
