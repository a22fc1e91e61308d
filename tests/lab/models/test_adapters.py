import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import ae_optax
from ae_optax.lab import losses, models, training


class LinenAutoencoder(linen.Module):
    code: int

    @linen.compact
    def __call__(self, x):
        h = x.reshape(x.shape[0], -1)
        h = linen.relu(linen.Dense(self.code)(h))
        return linen.Dense(x[0].size)(h).reshape(x.shape)


class Normalised(nnx.Module):
    def __init__(self, shape, rngs):
        width = int(np.prod(shape))
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.layer = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x):
        return self.layer(self.norm(x.reshape(x.shape[0], -1))).reshape(x.shape)


def train_briefly(model):
    images = jnp.asarray(np.random.default_rng(0).uniform(size=(16, 3, 3)), jnp.float32)
    optimizer = ae_optax.adam(1e-2)
    state = jax.jit(lambda: training.init_state(model, optimizer, images, 0))()
    step = jax.jit(training.make_step(training.Task(model, losses.mse()), optimizer))
    values = []
    for _ in range(20):
        state, value = step(state, images, None)
        values.append(float(value))
    return state, values


def test_a_linen_module_trains():
    _, values = train_briefly(models.from_linen(LinenAutoencoder(code=4)))
    assert values[-1] < 0.8 * values[0]


def test_a_pair_of_functions_trains():
    def init(key, x):
        return {"w": jax.random.normal(key, (x[0].size, x[0].size)) * 0.1}, {}

    def apply(params, state, x, key, train):
        flat = x.reshape(x.shape[0], -1)
        return (flat @ params["w"]).reshape(x.shape), state

    _, values = train_briefly(models.Model(init, apply))
    assert values[-1] < 0.8 * values[0]


def test_the_state_of_an_nnx_module_moves_in_training_only():
    model = models.from_nnx(Normalised)
    x = 1 + jnp.asarray(np.random.default_rng(0).uniform(size=(8, 2, 2)), jnp.float32)
    params, state = model.init(jax.random.key(0), x)
    assert set(params) == {"norm", "layer"}
    _, trained = model.apply(params, state, x, jax.random.key(0), True)
    _, evaluated = model.apply(params, state, x, jax.random.key(0), False)
    assert np.any(np.asarray(trained["norm"]["mean"]) != np.asarray(state["norm"]["mean"]))
    np.testing.assert_array_equal(evaluated["norm"]["mean"], state["norm"]["mean"])


def test_an_nnx_module_with_state_trains():
    _, values = train_briefly(models.from_nnx(Normalised))
    assert values[-1] < 0.8 * values[0]


class Dropping(nnx.Module):
    def __init__(self, _, rngs):
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.again = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return models.Output(self.dropout(x), self.again(x).reshape(x.shape[0], -1))

    def decode(self, code):
        return 2 * code


def test_dropout_of_an_nnx_module_is_a_function_of_the_key_and_rests_in_evaluation():
    model = models.from_nnx(Dropping)
    x = jnp.ones((50, 2, 2))
    params, state = model.init(jax.random.key(0), x)
    assert params == state == {}

    @jax.jit
    def dropped(key):
        return model.apply(params, state, x, key, True)[0]

    first, again, other = (dropped(jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first.decoded, again.decoded)
    assert np.any(np.asarray(first.decoded != other.decoded))
    assert np.any(np.asarray(first.decoded.reshape(50, 4) != first.code))  # Streams differ.
    assert float(first.decoded.mean()) == pytest.approx(1, abs=0.2)
    rested, _ = model.apply(params, state, x, jax.random.key(0), False)
    np.testing.assert_array_equal(rested.decoded, x)


def test_the_decode_method_of_an_nnx_class_is_found_and_gives_images():
    model = models.from_nnx(Dropping)
    decoded = model.decode({}, {}, jnp.arange(8.0).reshape(2, 4), (2, 2))
    np.testing.assert_array_equal(decoded, 2 * np.arange(8.0).reshape(2, 2, 2))
    assert models.from_nnx(Normalised).decode is None
    named = models.from_nnx(lambda shape, rngs: Dropping(shape, rngs), decode=Dropping.decode)
    np.testing.assert_array_equal(
        named.decode({}, {}, jnp.arange(8.0).reshape(2, 4), (2, 2)), decoded
    )


class LinenVariational(linen.Module):
    def setup(self):
        self.layer = linen.Dense(4)
        self.norm = linen.BatchNorm(momentum=0.5)
        self.dropout = linen.Dropout(0.5)
        self.output = linen.Dense(9)

    def __call__(self, x, train, deterministic):
        h = self.norm(x.reshape(x.shape[0], -1), use_running_average=not train)
        mean, log_variance = jnp.split(
            self.layer(self.dropout(h, deterministic=deterministic)), 2, axis=-1
        )
        noise = jax.random.normal(self.make_rng("sample"), mean.shape)
        code = mean + jnp.exp(log_variance / 2) * noise
        posterior = models.Gaussian(mean, log_variance)
        return models.Output(self.decode(code).reshape(x.shape), code, posterior)

    def decode(self, code):
        return self.output(code)


def test_a_linen_module_may_draw_drop_normalise_and_tell_its_posterior():
    model = models.from_linen(LinenVariational())
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(16, 3, 3)), jnp.float32)
    params, state = jax.jit(model.init)(jax.random.key(0), x)
    assert set(state) == {"batch_stats"}

    @functools.partial(jax.jit, static_argnums=1)
    def applied(key, train):
        return model.apply(params, state, x, jax.random.key(key), train)

    (first, moved), (again, _), (other, _) = (applied(k, True) for k in (0, 0, 1))
    np.testing.assert_array_equal(first.code, again.code)
    assert np.any(np.asarray(first.posterior.mean != other.posterior.mean))
    assert np.any(np.asarray(moved["batch_stats"]["norm"]["mean"]) != 0)
    (one, kept), (two, _) = (applied(k, False) for k in (0, 1))
    np.testing.assert_array_equal(one.posterior.mean, two.posterior.mean)
    assert np.any(np.asarray(one.code != two.code))
    chex.assert_trees_all_equal(kept, state)
    decoded = model.decode(params, state, one.code, (3, 3))
    np.testing.assert_allclose(decoded, one.decoded, rtol=1e-6)


def test_a_linen_module_without_decode_decodes_nothing():
    assert models.from_linen(LinenAutoencoder(code=4)).decode is None


def test_a_function_may_return_an_output():
    def apply(params, state, x, key, train):
        return models.Output(params["w"] * x, x.reshape(x.shape[0], -1)), state

    def init(key, x):
        return {"w": jnp.float32(0.1)}, {}

    model = models.Model(init, apply)
    _, values = train_briefly(model)
    assert values[-1] < 0.8 * values[0]
