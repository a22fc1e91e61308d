import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

import ae_optax
from ae_optax import losses, models, training


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
    state = training.init_state(model, optimizer, images, 0)
    step = jax.jit(training.make_step(model, losses.mse(), optimizer))
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
