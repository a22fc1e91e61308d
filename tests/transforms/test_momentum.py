"""The velocity, its Nesterov form, and the point Nesterov looks ahead to."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from running import run, stream

import ae_optax
from ae_optax import transforms as tf

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_matches_the_formula(decay):
    grads, v, momentum, nesterov = stream(2, 3), 0.0, [], []
    for g in grads:
        v = decay * v + g
        momentum.append(v)
        nesterov.append(g + decay * v)
    # rtol: a few units in the last place; atol: where terms cancel.
    kwargs = {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(run(tf.scale_by_momentum(decay), grads), momentum, **kwargs)
    np.testing.assert_allclose(run(tf.scale_by_nesterov(decay), grads), nesterov, **kwargs)


def test_momentum_along_a_constant_gradient_grows_to_its_limit():
    out = run(tf.scale_by_momentum(0.9), np.full((400, 1), 2.0))
    assert np.all(np.diff(out[:100, 0]) > 0)
    np.testing.assert_allclose(out[-1], 2.0 / (1 - 0.9), rtol=1e-12)


@pytest.mark.parametrize("transformation", [tf.scale_by_momentum(0.0), tf.scale_by_nesterov(0.0)])
def test_without_memory_it_is_the_identity(transformation):
    np.testing.assert_array_equal(run(transformation, stream(3)), stream(3))


def test_agrees_with_the_trace_of_optax():
    grads = stream(2, 3)
    for nesterov, ours in [(False, tf.scale_by_momentum(0.9)), (True, tf.scale_by_nesterov(0.9))]:
        theirs = run(optax.trace(0.9, nesterov=nesterov), grads)
        np.testing.assert_allclose(run(ours, grads), theirs, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("schedule", [0.02, lambda step: 0.05 / (1 + step.astype(float))])
def test_momentum_that_looks_ahead_walks_where_nesterov_walks(schedule):
    curvature, start, decay = jnp.asarray([1.0, 5.0, 25.0]), jnp.asarray([1.0, -2.0, 3.0]), 0.9
    classical = ae_optax.classical_momentum(schedule, momentum=decay)
    nesterov = ae_optax.nesterov(schedule, momentum=decay)

    @jax.jit
    def walk():
        def original(carry, _):
            params, state = carry
            ahead = ae_optax.nesterov_point(params, state, momentum=decay)
            updates, state = classical.update(curvature * ahead, state, params)
            return (optax.apply_updates(params, updates), state), ahead

        def rewritten(carry, _):
            params, state = carry
            updates, state = nesterov.update(curvature * params, state, params)
            return (optax.apply_updates(params, updates), state), params

        first = jax.lax.scan(original, (start, classical.init(start)), length=40)[1]
        return first, jax.lax.scan(rewritten, (start, nesterov.init(start)), length=40)[1]

    # atol: in units of the start; the walk ends near zero.
    np.testing.assert_allclose(*walk(), rtol=1e-12, atol=1e-13)


def test_looking_ahead_from_rest_stays_and_keeps_the_dtype():
    params = {"w": jnp.ones((2, 2), jnp.bfloat16), "b": None, "s": jnp.asarray(2.0)}
    state = ae_optax.classical_momentum(0.1).init(params)
    ahead = ae_optax.nesterov_point(params, state)
    assert jax.tree.structure(ahead) == jax.tree.structure(params)
    jax.tree.map(np.testing.assert_array_equal, ahead, params)
    assert ahead["w"].dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("optimizer", "found"),
    [(ae_optax.sgd(0.1), 0), (tf.chain(tf.scale_by_momentum(), tf.scale_by_nesterov()), 2)],
)
def test_looking_ahead_needs_exactly_one_momentum(optimizer, found):
    state = optimizer.init(jnp.ones(2))
    with pytest.raises(
        ValueError, match=rf"`state` must hold exactly one MomentumState, got {found}\."
    ):
        ae_optax.nesterov_point(jnp.ones(2), state)
