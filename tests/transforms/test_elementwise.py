"""Functions of one number: ``absolute``, ``add``, ``power``, ``root``, ``scale`` and the like."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import run, stream

from ae_optax import transforms as tf

# XLA may flush subnormal numbers to zero.
FLOATS = st.floats(-1e3, 1e3, width=32, allow_subnormal=False)


@pytest.mark.parametrize(
    ("transformation", "formula"),
    [
        (tf.absolute(), np.abs),
        (tf.add(0.25), lambda g: g + 0.25),
        (tf.add(-0.25), lambda g: g - 0.25),
        (tf.identity(), lambda g: g),
        (tf.power(3), lambda g: g * g * g),
        (tf.scale(-2.5), lambda g: -2.5 * g),
        (tf.scale(0), np.zeros_like),
        (tf.sign(), np.sign),
        (tf.square(), lambda g: g * g),
    ],
)
def test_matches_the_formula(transformation, formula):
    g = stream(3, 2).astype(np.float32)
    # rtol: one unit in the last place.
    np.testing.assert_allclose(run(transformation, g), formula(g), rtol=2e-7)


@pytest.mark.parametrize("exponent", [1, 2, 4.0, np.float32(7), 0.5, 0.25, 1 / 64])
def test_a_plain_power_that_multiplications_or_roots_can_make_is_made_so(exponent):
    g = np.abs(stream(3, 2)).astype(np.float32)
    # rtol: as many roundings as multiplications.
    np.testing.assert_allclose(run(tf.power(exponent), g), g ** float(exponent), rtol=1e-6)
    assert not takes_a_general_power(exponent)


@pytest.mark.parametrize("exponent", [1.5, 1 / 3, 0.75, jnp.asarray(2.0)])
def test_any_other_power_is_a_general_one(exponent):
    g = np.abs(stream(3, 2)).astype(np.float32)
    np.testing.assert_allclose(run(tf.power(exponent), g), g ** float(exponent), rtol=1e-6)
    assert takes_a_general_power(exponent)


def takes_a_general_power(exponent):
    power = tf.power(exponent)
    program = jax.jit(lambda g: power.update(g, power.init(g))[0]).lower(jnp.ones(2))
    return "stablehlo.power" in program.as_text()


def test_a_power_of_low_precision_rounds_once():
    g = jnp.asarray([1.0078125, 1.5, 300.0], jnp.bfloat16)
    out, _ = tf.power(7).update(g, tf.power(7).init(g))
    exact = np.asarray(g, np.float64) ** 7
    np.testing.assert_array_equal(out, jnp.asarray(exact, jnp.float32).astype(jnp.bfloat16))


@pytest.mark.parametrize(
    ("transformation", "formula"),
    [(tf.root(), np.sqrt), (tf.power(0.25), lambda g: np.sqrt(np.sqrt(g)))],
)
def test_roots_match_the_formula_on_what_is_not_negative(transformation, formula):
    g = np.abs(stream(3, 2)).astype(np.float32)
    # rtol: a few units in the last place.
    np.testing.assert_allclose(run(transformation, g), formula(g), rtol=1e-6)


def test_the_order_of_root_and_add_says_where_eps_goes():
    nothing = np.zeros((1, 2), np.float32)
    inside, outside = tf.chain(tf.add(0.01), tf.root()), tf.chain(tf.root(), tf.add(0.01))
    np.testing.assert_allclose(run(inside, nothing), 0.1, rtol=1e-6)
    np.testing.assert_allclose(run(outside, nothing), 0.01, rtol=1e-6)


def test_a_power_of_two_is_the_square_of_negative_numbers_too():
    g = stream(3).astype(np.float32)
    np.testing.assert_allclose(run(tf.power(2), g), run(tf.square(), g), rtol=2e-7)


def test_the_square_of_a_complex_number_is_its_size_squared():
    g = jnp.asarray([3 + 4j, -1j], jnp.complex64)
    out, _ = tf.square().update(g, tf.square().init(g))
    np.testing.assert_allclose(out, [25, 1], rtol=1e-6)
    assert out.dtype == jnp.complex64


@given(x=FLOATS)
@settings(deadline=None)
def test_root_undoes_square_up_to_the_sign(x):
    g = np.full((1, 1), x, np.float32)
    there_and_back = tf.chain(tf.square(), tf.root())
    state = there_and_back.init(g[0])
    # rtol: two roundings; atol: squares below it underflow.
    np.testing.assert_allclose(
        there_and_back.update(g[0], state)[0], np.abs(g[0]), rtol=1e-6, atol=1e-18
    )


@given(x=FLOATS)
@settings(deadline=None)
def test_a_number_is_its_sign_times_its_absolute_value(x):
    g = np.full(1, x, np.float32)
    sign, _ = tf.sign().update(g, tf.sign().init(g))
    size, _ = tf.absolute().update(g, tf.absolute().init(g))
    np.testing.assert_array_equal(sign * size, g)
