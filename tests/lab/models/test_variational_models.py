import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled import applied, filled

import ae_optax
from ae_optax.lab import losses, models, training

X = np.random.default_rng(0).uniform(size=(4, 4, 4)).astype(np.float32)


def test_it_has_the_parameters_of_784_400_20():
    model = models.variational_autoencoder([400], 20)
    assert models.count_parameters(model, jnp.zeros((1, 28, 28))) == 652_824
    learnt = models.variational_autoencoder([400], 20, learnt_variance=True)
    assert models.count_parameters(learnt, jnp.zeros((1, 28, 28))) == 652_825


def test_the_posterior_is_the_last_layer_of_the_encoder_in_halves():
    model = models.variational_autoencoder([], 3)
    assert filled(model, X)[1] == {}
    params, output = applied(model, X)
    layer = params["encoder"][0]
    h = X.reshape(4, 16) @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    np.testing.assert_allclose(output.posterior.mean, h[:, :3], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(output.posterior.log_variance, h[:, 3:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("train", [True, False])
def test_codes_are_drawn_from_the_posterior(train):
    model = models.variational_autoencoder([], 3)
    params, state = jax.jit(model.init)(jax.random.key(0), X)
    many = np.repeat(X[:1], 20_000, axis=0)
    output, _ = jax.jit(model.apply, static_argnums=4)(
        params, state, many, jax.random.key(1), train
    )
    mean, log_variance = (np.asarray(part[0]) for part in output.posterior)
    # Standard errors of 20,000 draws: 0.7 % of a deviation, 1 % of a variance.
    np.testing.assert_allclose(output.code.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(output.code.var(0), np.exp(log_variance), rtol=0.05)
    correlation = np.corrcoef(np.asarray(output.code).T)
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.03)


@pytest.mark.parametrize(
    "model",
    [models.variational_autoencoder([5], 3), models.conv_variational_autoencoder([2], 3)],
    ids=["mlp", "conv"],
)
def test_what_is_drawn_is_a_function_of_the_key(model):
    params, state = filled(model, X)

    @jax.jit
    def draw(state, key):
        output, state = jax.jit(model.apply, static_argnums=4)(
            params, state, X, jax.random.key(key), True
        )
        return output.code, state

    first, later_state = draw(state, 1)
    again, _ = draw(later_state, 1)
    other, _ = draw(later_state, 2)
    chex.assert_trees_all_equal(state, later_state)
    np.testing.assert_array_equal(first, again)
    assert np.all(np.asarray(first != other))


def test_gradients_pass_through_the_draw():
    model = models.variational_autoencoder([], 2)
    params, state = filled(model, X)

    def square(params):
        output, _ = jax.jit(model.apply, static_argnums=4)(
            params, state, X, jax.random.key(1), True
        )
        return jnp.sum(output.code**2)

    grads = jax.jit(jax.grad(square))(params)
    assert np.all(np.asarray(grads["encoder"][0]["bias"]) != 0)


def test_a_learnt_variance_is_one_at_first_and_is_told():
    model = models.conv_variational_autoencoder([2], 3, learnt_variance=True)
    params, state = jax.jit(model.init)(jax.random.key(0), X)
    output, _ = jax.jit(model.apply, static_argnums=4)(params, state, X, jax.random.key(1), True)
    chex.assert_shape(output.log_variance, ())
    assert output.log_variance == params["log_variance"] == 0


def test_it_trains():
    model = models.variational_autoencoder([8], 2)
    optimizer = ae_optax.adam(1e-2)
    state = jax.jit(lambda: training.init_state(model, optimizer, jnp.asarray(X), 0))()
    step = jax.jit(training.make_step(training.Task(model, losses.bce_sum()), optimizer))
    values = []
    for _ in range(60):
        state, value = step(state, X, None)
        values.append(float(value))
    assert np.mean(values[-5:]) < 0.95 * values[0]
