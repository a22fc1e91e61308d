"""Rules on the finished update, against their formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax as ao

STEPS, SHAPE = 9, (4, 3)


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def path(optimizer, gradient_at, start):
    """Return the points where gradients were taken, those to evaluate, one for each step."""

    @jax.jit
    def run(start):
        def step(carry, t):
            params, state = carry
            updates, state = optimizer.update(gradient_at(params, t), state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), (params, ao.evaluation_params(state, params))

        return jax.lax.scan(step, (start, optimizer.init(start)), jnp.arange(STEPS))[1]

    with jax.enable_x64(True):
        return map(np.asarray, run(jnp.asarray(start)))


def test_a_cautious_update_keeps_what_agrees_with_the_gradient_and_lengthens_it():
    grads, decay, least = drawn(0, STEPS, *SHAPE), 0.9, 0.7
    with jax.enable_x64(True):
        trained, _ = path(
            ao.chain(ao.cautious(ao.average(decay), least=least), ao.scale(-1.0)),
            lambda _, t: jnp.asarray(grads)[t],
            np.zeros(SHAPE),
        )
    mean, w = np.zeros(SHAPE), np.zeros(SHAPE)
    shares = []
    for t, g in enumerate(grads):
        mean = decay * mean + (1 - decay) * g
        agrees = mean * g > 0
        shares.append(agrees.mean())
        w = w - agrees * mean / max(agrees.mean(), least)
        np.testing.assert_allclose(trained[t], w, atol=1e-12)
    assert min(shares) < least < max(shares)


def test_a_cautious_update_against_every_gradient_is_none():
    tx, g = ao.cautious(ao.scale(-1.0)), jnp.ones(3)
    np.testing.assert_array_equal(tx.update(g, tx.init(g))[0], 0)


def test_a_step_on_the_hyperball_turns_by_the_rate_and_keeps_the_length():
    grads, start = drawn(0, STEPS, *SHAPE), drawn(1, *SHAPE)
    rates = 0.1 / (1 + np.arange(STEPS))
    with jax.enable_x64(True):
        schedule = jnp.asarray(rates)
        trained, _ = path(
            ao.hyperball(lambda step: schedule[step]), lambda _, t: jnp.asarray(grads)[t], start
        )
    w = start
    for t, g in enumerate(grads):
        size = np.linalg.norm(w)
        new = w - rates[t] * size * g / np.linalg.norm(g)
        w = size * new / np.linalg.norm(new)
        np.testing.assert_allclose(trained[t], w, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(trained, axis=(1, 2)), np.linalg.norm(start))


def test_on_the_hyperball_each_matrix_of_a_stack_has_a_length_of_its_own():
    tx, w, g = ao.hyperball(0.1), drawn(0, 2, *SHAPE), drawn(1, 2, *SHAPE)
    w, g = (x.astype(np.float32) for x in (w, g))
    whole = np.asarray(tx.update(g, tx.init(w), w)[0])
    for i in range(2):
        alone = np.asarray(tx.update(g[i], tx.init(w[i]), w[i])[0])
        np.testing.assert_allclose(whole[i], alone, atol=1e-6)
    zeros = np.zeros_like(w)
    np.testing.assert_allclose(tx.update(g, tx.init(w), zeros)[0], -0.1 * g, rtol=1e-6)
    np.testing.assert_array_equal(tx.update(zeros, tx.init(w), w)[0], 0)


def test_the_tail_is_averaged_from_its_first_step_on_and_mixed_in_only_then():
    grads, begin, decay, share = drawn(0, STEPS, *SHAPE), 5, 0.8, 0.6
    with jax.enable_x64(True):
        optimizer = ao.chain(ao.sgd(0.3), ao.average_tail(begin, decay=decay, share=share))
        trained, evaluated = path(optimizer, lambda _, t: jnp.asarray(grads)[t], np.zeros(SHAPE))
    np.testing.assert_allclose(trained, -0.3 * np.cumsum(grads, 0), atol=1e-12)
    for t in range(1, STEPS + 1):
        desired = trained[t - 1]
        if t >= begin:
            weights = decay ** np.arange(t - begin, -1, -1.0)
            mean = np.tensordot(weights / weights.sum(), trained[begin - 1 : t], 1)
            desired = (1 - share) * desired + share * mean
        np.testing.assert_allclose(evaluated[t - 1], desired, atol=1e-12)


@pytest.mark.parametrize("scheduled", [False, True])
def test_ema_nesterov_steps_from_the_point_ahead(scheduled):
    curvature, rate, decay = np.exp(drawn(0, *SHAPE)), 0.1, 0.7
    strengths = np.array([0, 0, 0.3, 0.6, 0.9, 0.5, 0.2, 0, 0, 0])
    strengths = strengths if scheduled else np.full(STEPS + 1, 0.4)
    with jax.enable_x64(True):
        given = jnp.asarray(strengths)
        strength = (lambda step: given[step]) if scheduled else 0.4
        optimizer = ao.chain(ao.sgd(rate), ao.ema_nesterov(strength, decay=decay))
        ahead, evaluated = path(
            optimizer, lambda p, _: jnp.asarray(curvature) * p, drawn(1, *SHAPE)
        )
    w, mean = drawn(1, *SHAPE), np.zeros(SHAPE)
    for t in range(STEPS):
        at = w + strengths[t] * mean
        new = at - rate * curvature * at
        mean, w = decay * mean + (1 - decay) * (new - w), new
        np.testing.assert_allclose(evaluated[t], w, atol=1e-12)
        np.testing.assert_allclose(ahead[t], w + strengths[t + 1] * mean, atol=1e-12)
