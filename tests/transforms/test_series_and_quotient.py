"""The two ways to compose: ``chain`` and ``quotient``."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from running import run, stream

import ae_optax
from ae_optax import transforms as tf


def remember(log):
    """Return a transformation that writes down what it is called with."""

    def update(updates, state, params=None, **extra):
        log.append((params, extra))
        return updates, state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)


def test_a_chain_of_nothing_is_the_identity():
    g = {"w": jnp.ones(2), "none": None}
    empty = tf.chain()
    assert empty.init(g) == ()
    out, state = empty.update(g, ())
    assert out is g
    assert state == ()


def test_a_chain_applies_its_parts_from_left_to_right():
    g = stream(3).astype(np.float32)
    np.testing.assert_allclose(run(tf.chain(tf.add(1), tf.scale(2)), g), 2 * (g + 1), rtol=1e-6)


def test_a_chain_of_chains_is_the_long_chain():
    a, b, c = tf.average(0.9), tf.correct_bias(0.9), tf.scale(2.0)
    g = stream(3).astype(np.float32)
    flat = run(tf.chain(a, b, c), g)
    np.testing.assert_array_equal(run(tf.chain(tf.chain(a, b), c), g), flat)
    np.testing.assert_array_equal(run(tf.chain(a, tf.chain(b, c)), g), flat)
    np.testing.assert_array_equal(run(tf.chain(tf.chain(), a, b, c, tf.chain()), g), flat)


def test_a_chain_is_the_chain_of_optax():
    parts, g = (tf.average(0.9), tf.scale(2.0)), stream(3).astype(np.float32)
    np.testing.assert_array_equal(run(tf.chain(*parts), g), run(optax.chain(*parts), g))
    ours, theirs = tf.chain(*parts).init(g), optax.chain(*parts).init(g)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)


def test_the_parts_of_a_composition_see_params_and_extra_arguments():
    log = []
    part, g = remember(log), jnp.ones(2)
    for composed in (
        tf.chain(part, part),
        tf.quotient(numerator=part, denominator=part),
        ae_optax.chain(tf.scale(1.0), part, optax.scale(1.0), part),
    ):
        log.clear()
        composed.update(g, composed.init(g), g, value=3)
        assert [extra for _, extra in log] == [{"value": 3}] * 2
        assert all(params is g for params, _ in log)


def test_a_norm_hides_the_parameters_from_what_it_feeds_but_no_extra_arguments():
    log = []
    composed = tf.of_max_norm(remember(log))
    composed.update(jnp.ones(2), composed.init(jnp.ones(2)), jnp.ones(2), value=3)
    assert log == [(None, {"value": 3})]


def test_a_quotient_divides_its_branches():
    g = stream(3).astype(np.float32)
    quotient = tf.quotient(numerator=tf.add(1.0), denominator=tf.chain(tf.absolute(), tf.add(0.5)))
    np.testing.assert_allclose(run(quotient, g), (g + 1) / (np.abs(g) + 0.5), rtol=1e-6)


def test_the_quotient_of_a_thing_by_itself_is_one():
    branch = tf.chain(tf.square(), tf.add(1.0))
    g = stream(3).astype(np.float32)
    np.testing.assert_array_equal(run(tf.quotient(numerator=branch, denominator=branch), g), 1)


def test_a_quotient_may_divide_a_leaf_by_a_scalar():
    g = stream(3, 2).astype(np.float32)
    quotient = tf.quotient(numerator=tf.identity(), denominator=tf.of_max_norm(tf.add(0.5)))
    largest = np.abs(g).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(run(quotient, g), g / (largest + 0.5), rtol=1e-6)


def test_a_quotient_over_infinity_is_zero_but_for_an_infinite_gradient():
    g = jnp.asarray([3e38, -1e20, 1e10, jnp.inf, jnp.nan], jnp.float32)
    quotient = tf.quotient(numerator=tf.identity(), denominator=tf.square())
    out, _ = quotient.update(g, quotient.init(g))
    np.testing.assert_allclose(out, [0, 0, 1e-10, np.nan, np.nan], rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_a_quotient_of_low_precision_rounds_once_at_the_end(dtype):
    g = jnp.asarray([1e-4, 1e-3, 1.0, 300.0], dtype)  # Squares outside float16's range.
    by_root_mean_square = tf.scale_by_rms(0.9)
    out, _ = by_root_mean_square.update(g, by_root_mean_square.init(g))
    wide = g.astype(jnp.float32)
    exact, _ = by_root_mean_square.update(wide, by_root_mean_square.init(wide))
    np.testing.assert_array_equal(out, exact.astype(dtype))
    assert out.dtype == dtype


@pytest.mark.parametrize(
    ("compose", "name"),
    [
        (lambda x: tf.chain(tf.identity(), x), r"transformations\[1\]"),
        (lambda x: tf.quotient(numerator=x, denominator=tf.identity()), "numerator"),
        (lambda x: tf.quotient(numerator=tf.identity(), denominator=x), "denominator"),
        (lambda x: tf.of_max_norm(x), "inner"),
    ],
    ids=["chain", "numerator", "denominator", "of_max_norm"],
)
def test_parts_must_be_transformations(compose, name):
    with pytest.raises(TypeError, match=rf"`{name}` must be a gradient transformation, got 0\.1\."):
        compose(0.1)
    with pytest.raises(TypeError, match=r"Call it to make one\."):
        compose(tf.square)


def test_the_state_of_another_chain_is_refused():
    chain, params = tf.chain(tf.square(), tf.root()), jnp.ones(2)
    with pytest.raises(ValueError, match="one entry for each of the 2 chained transformations"):
        chain.update(params, tf.chain(tf.square()).init(params))


@pytest.mark.parametrize("branch", ["numerator", "denominator"])
def test_a_quotient_does_not_broadcast_what_a_branch_gives_out(branch):
    def means(updates, state, params=None):
        return jax.tree.map(lambda u: jnp.mean(u, 0, keepdims=True), updates), state

    wrong = optax.GradientTransformation(lambda _: optax.EmptyState(), means)
    branches = {"numerator": tf.identity(), "denominator": tf.identity(), branch: wrong}
    quotient, g = tf.quotient(**branches), {"w": jnp.ones((3, 2))}
    message = rf"`{branch}` must .* of `updates\['w'\]`, \(3, 2\), got \(1, 2\)\."
    with pytest.raises(ValueError, match=message):
        quotient.update(g, quotient.init(g))
