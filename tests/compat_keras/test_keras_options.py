"""What the options do that all optimizers of `ae_optax.compat.keras` take."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from keras_made import COMMON, OPTIMIZERS, make, run

from ae_optax import evaluation_params
from ae_optax.compat import keras as compat

EVERY = pytest.mark.parametrize("name", OPTIMIZERS)


def parameters():
    return {
        "embedding": jnp.linspace(0.5, 2.0, 6).reshape(3, 2),
        "nested": [jnp.linspace(-1.0, 1.0, 4), None],
        "kernel": jnp.linspace(-2.0, 2.0, 6).reshape(2, 3),
        "scalar": jnp.asarray(-2.0),
        "empty": jnp.zeros((0, 3)),
    }


def stream(*shape, steps=12, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, *shape))


def extremes(params):
    """Return a stream of gradients: zero, ordinary, near the largest number and near none."""
    info = jnp.finfo(params.dtype)
    sizes = [0, 1, info.max / 2, 0, info.max / 2, info.smallest_subnormal, 0]
    return jnp.stack([jnp.full_like(params, size) for size in sizes])


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_clipping_by_all_of_them_makes_no_nan(name):
    params = jnp.ones((3, 2), jnp.float16)
    tx = make(name, common=True)
    state = tx.init(params)
    for g in extremes(params):
        updates, state = jax.jit(tx.update)(g, state, params)
        assert not np.any(np.isnan(updates))


@EVERY
@pytest.mark.parametrize("option", [{"weight_decay": 0.1}, {"use_ema": True}], ids=repr)
def test_missing_parameters_are_an_error_where_an_option_needs_them(name, option):
    tx, params = make(name, **option), parameters()
    with pytest.raises(ValueError, match="`params` must be given to `update`"):
        tx.update(params, tx.init(params))


def test_is_printed_as_the_call_that_makes_it():
    assert repr(compat.sgd(0.5)).startswith("sgd(learning_rate=0.5, momentum=0.0, nesterov=False")


# The options, one by one.


@pytest.mark.parametrize("name", ["adam", "ftrl", "muon"])
@pytest.mark.parametrize("steps", [2, 5])
def test_accumulation_steps_with_the_mean_and_rests_in_between(name, steps):
    with jax.enable_x64(True):
        grads, params = stream(4, 3, steps=4 * steps), np.ones((4, 3))

        def rate(step):
            return 0.1 / (1.0 + jnp.asarray(step, float))

        def rate_at_the_last(step):
            return rate((step + 1) * steps - 1)

        common = {"weight_decay": 0.1, "clipnorm": 0.5}
        accumulating = make(name, learning_rate=rate, gradient_accumulation_steps=steps, **common)
        plain = make(name, learning_rate=rate_at_the_last, **common)
        means = grads.reshape(4, steps, 4, 3).mean(1)
        often, _ = run(accumulating, params, grads)
        seldom, _ = run(plain, params, means)
        # rtol: the order of the sums in a mean.
        np.testing.assert_allclose(often[steps - 1 :: steps], seldom, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(often[: steps - 1], 1)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_the_average_of_the_parameters_follows_the_formula(momentum):
    with jax.enable_x64(True):
        tx = make("adam", use_ema=True, ema_momentum=momentum)
        trajectory, state = run(tx, np.ones(3), stream(3))
        mean = trajectory[0]
        for params in trajectory[1:]:
            mean = momentum * mean + (1 - momentum) * params
        np.testing.assert_allclose(evaluation_params(state, params), mean, rtol=1e-14)


def test_averaging_without_overwriting_leaves_the_steps_alone():
    plain, _ = run(make("adam"), jnp.ones(3), stream(3).astype(np.float32))
    averaging, _ = run(make("adam", use_ema=True), jnp.ones(3), stream(3).astype(np.float32))
    np.testing.assert_array_equal(plain, averaging)


def test_overwriting_puts_the_parameters_on_their_average():
    with jax.enable_x64(True):
        tx = make("sgd", use_ema=True, ema_overwrite_frequency=4)
        trajectory, state = run(tx, np.ones(3), stream(3))
        found = evaluation_params(state, trajectory[-1])
        np.testing.assert_allclose(trajectory[-1], found, rtol=1e-14)
        never, state = run(make("sgd", use_ema=True), np.ones(3), stream(3))
        assert np.all(np.abs(never[-1] - evaluation_params(state, never[-1])) > 1e-3)


def test_the_average_of_low_precision_is_kept_in_float32():
    tx = make("sgd", use_ema=True)
    assert tx.init(jnp.ones(3, jnp.bfloat16)).average.dtype == jnp.float32


def test_before_the_first_step_the_parameters_are_their_average():
    params = jnp.ones(2)
    state = make("sgd", use_ema=True).init(params)
    np.testing.assert_array_equal(evaluation_params(state, params), params)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_scaled_loss_makes_the_same_steps(name):
    grads = stream(4, 3).astype(np.float32)
    params = jnp.ones((4, 3))
    plain, _ = run(make(name, clipvalue=0.5), params, grads)
    scaled, _ = run(make(name, clipvalue=0.5, loss_scale_factor=1024.0), params, 1024 * grads)
    np.testing.assert_array_equal(plain, scaled)  # By a power of two, so exactly.


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_the_name_is_without_meaning(name):
    grads = stream(4, 3).astype(np.float32)
    named, _ = run(make(name, name="mine"), jnp.ones((4, 3)), grads)
    np.testing.assert_array_equal(named, run(make(name), jnp.ones((4, 3)), grads)[0])


def test_a_velocity_holds_steps_taken_at_the_rates_of_their_time():
    def rate(step):
        return jnp.where(step == 0, 1.0, 0.0)

    # The rate is zero after the first step, but the velocity goes on.
    trajectory, _ = run(compat.sgd(rate, 0.5), jnp.zeros(()), jnp.ones(3))
    np.testing.assert_allclose(trajectory, [-1.0, -1.5, -1.75])


def test_muon_steps_as_adam_where_a_path_is_excluded():
    params = parameters() | {"empty": jnp.zeros((0,))}
    options = {"learning_rate": 0.1, "weight_decay": 0.2, "adam_weight_decay": 0.2}
    muon = compat.muon(**options, exclude_layers=["^ker"])
    adam = compat.adamw(0.1, 0.2)
    updates, _ = muon.update(params, muon.init(params), params)
    desired, _ = adam.update(params, adam.init(params), params)
    chex.assert_trees_all_close(updates, desired, rtol=1e-6)
    # Without the name of the attribute that holds it in a variable of Flax.
    variable = {"kernel": nnx.Param(params["kernel"])}
    muon = compat.muon(**options, exclude_layers=["kernel$"])
    updates, _ = muon.update(variable, muon.init(variable), variable)
    chex.assert_trees_all_close(updates["kernel"][...], desired["kernel"], rtol=1e-6)
    muon = compat.muon(**options, exclude_embeddings=False)
    updates, _ = muon.update(params, muon.init(params), params)
    for leaf in ("embedding", "kernel"):
        assert np.all(np.abs(updates[leaf] - desired[leaf]) > 1e-3)


def test_ftrl_makes_small_parameters_exactly_zero():
    tx = compat.ftrl(0.1, l1_regularization_strength=50.0)
    trajectory, _ = run(tx, jnp.ones(3), stream(3).astype(np.float32))
    assert np.all(trajectory[-1] == 0)


def test_ftrl_stays_where_it_knows_nothing():
    tx, params = compat.ftrl(initial_accumulator_value=0.0), jnp.ones(2)
    updates, _ = tx.update(jnp.zeros(2), tx.init(params), params)
    np.testing.assert_array_equal(updates, 0)


def test_the_common_options_together_still_go_down():
    grads_of = jax.grad(lambda p: jnp.sum(p**2))
    tx, params = make("adam", common=True, learning_rate=0.1, ema_momentum=0.5), jnp.ones(3)
    state = tx.init(params)
    step = jax.jit(tx.update)
    for _ in range(60):
        scaled = COMMON["loss_scale_factor"] * grads_of(params)
        updates, state = step(scaled, state, params)
        params = params + updates
    assert np.all(np.abs(params) < 0.5)
