"""`reduce_lr_on_plateau` counts as Keras's callback does."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.compat.keras import reduce_lr_on_plateau

FLAT, NEGATIVE = [1.0] * 13, [-1.0] * 13


def scales(values, **options):
    """Return the scale in force after each observation."""
    tx = reduce_lr_on_plateau(**{"factor": 0.5, "patience": 2, "mode": "min", **options})

    def observe(state, value):
        _, state = tx.update(jnp.ones(()), state, value=value)
        return state, state.scale

    return np.asarray(jax.lax.scan(observe, tx.init(None), jnp.asarray(values))[1])


def reductions(values, **options):
    """Return the observations, counted from 1, at which the scale fell."""
    before = np.concatenate([[1.0], scales(values, **options)])
    return (np.flatnonzero(np.diff(before)) + 1).tolist()


@pytest.mark.parametrize(
    ("values", "options", "desired"),
    [
        # By hand, from the order of events in the callback.
        (FLAT, {}, [3, 5, 7, 9, 11, 13]),
        (NEGATIVE, {}, [3, 5, 7, 9, 11, 13]),
        (FLAT, {"mode": "max"}, [3, 5, 7, 9, 11, 13]),
        (NEGATIVE, {"mode": "max"}, [3, 5, 7, 9, 11, 13]),
        # The observation that ends a cooldown counts already.
        (FLAT, {"cooldown": 2}, [3, 6, 9, 12]),
        (FLAT, {"cooldown": 1}, [3, 5, 7, 9, 11, 13]),
        (FLAT, {"patience": 0}, list(range(2, 14))),
        (FLAT, {"patience": 1}, list(range(2, 14))),
        (FLAT, {"patience": 0, "cooldown": 3}, [2, 5, 8, 11]),
        # Less than `min_delta` is no improvement, whatever its sign.
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], {"min_delta": 0.15, "patience": 1}, [2, 4, 6]),
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], {"min_delta": -0.15, "patience": 1}, [2, 4, 6]),
        ([5.0, 4.0, 3.0, 2.0, 1.0], {}, []),
        ([5.0, 4.0, 3.0, 2.0, 1.0], {"mode": "max"}, [3, 5]),
        # A value that is no number is no improvement, and as the first it stays the best.
        ([1.0, np.nan, np.nan, 0.5, np.nan, np.nan], {}, [3, 6]),
        ([np.nan, 1.0, 0.5, 0.1, 0.0], {}, [3, 5]),
        ([np.inf, 1.0, 0.5, 0.5, 0.5], {}, [5]),
        ([], {}, []),
    ],
)
def test_reduces_at_the_observations_that_keras_does(values, options, desired):
    assert reductions(np.array(values), **options) == desired


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Of Keras's variables.
@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("cooldown", [0, 2])
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("min_lr", [0.0, 1e-3])
def test_agrees_with_the_callback_itself(patience, cooldown, mode, min_lr, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    for seed in range(5):
        values = np.round(np.random.default_rng(seed).normal(size=60).cumsum(), 1)
        values[7 * seed] = np.nan
        options = {"factor": 0.5, "patience": patience, "cooldown": cooldown, "mode": mode}
        options |= {"min_delta": 0.25, "min_lr": min_lr}
        callback = keras.callbacks.ReduceLROnPlateau(**options)
        callback.set_model(types.SimpleNamespace(optimizer=keras.optimizers.SGD(0.25)))
        callback.on_train_begin()
        rates = []
        for epoch, value in enumerate(values):
            callback.on_epoch_end(epoch, {"val_loss": value})
            rates.append(float(callback.model.optimizer.learning_rate))
        # rtol: Keras keeps the rate in float32.
        ours = 0.25 * scales(values, learning_rate=0.25, **options)
        np.testing.assert_allclose(ours, rates, rtol=1e-6)


def test_the_lowest_rate_is_reached_and_kept():
    ours = 0.1 * scales(FLAT, min_lr=0.02, learning_rate=0.1)
    np.testing.assert_allclose(ours, [0.1] * 2 + [0.05] * 2 + [0.025] * 2 + [0.02] * 7, rtol=1e-6)


def test_scales_updates_from_the_observation_on_and_without_one_leaves_the_count():
    tx = reduce_lr_on_plateau(factor=0.5, patience=1)
    grads, state = {"a": jnp.ones(2), "b": None}, tx.init(None)
    seen = []
    for value in (1.0, None, 1.0, None):
        updates, state = tx.update(grads, state, value=value)
        assert updates["b"] is None
        seen.append(float(updates["a"][0]))
    assert seen == [1.0, 1.0, 0.5, 0.5]
    assert state.observations == 2


def test_its_state_is_a_fixed_point_and_differs_between_members():
    tx = reduce_lr_on_plateau(factor=0.5, patience=2)
    values = jnp.stack([jnp.ones(5), jnp.arange(5.0, 0.0, -1.0)], 1)

    def observe(state, value):
        return jax.vmap(lambda s, v: tx.update(jnp.ones(()), s, value=v)[1])(state, value), None

    state = jax.vmap(lambda _: tx.init(None))(jnp.arange(2))
    after, _ = jax.lax.scan(observe, state, values)
    np.testing.assert_array_equal(after.scale, [0.25, 1.0])


@pytest.mark.parametrize("monitor", ["loss", "val_loss"])
def test_auto_means_less_for_a_loss(monitor):
    assert reductions(FLAT, monitor=monitor, mode="auto") == reductions(FLAT)
    falling = np.arange(9.0, 0, -1)
    assert reductions(falling, monitor=monitor, mode="auto") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, r"`factor` must lie in \[0, 1\), got 1.0"),
        ({"patience": -1}, "`patience` must be a whole number of at least 0, got -1"),
        ({"cooldown": 0.5}, "`cooldown` must be a whole number of at least 0, got 0.5"),
        ({"min_delta": np.inf}, "`min_delta` must be finite, got inf"),
        ({"mode": "up"}, "`mode` must be one of min, max, got 'up'"),
        (
            {"mode": "auto", "monitor": "val_accuracy"},
            "`mode` must be one of min, max, got 'auto' for `monitor` 'val_accuracy'",
        ),
        ({"min_lr": -0.1}, "`min_lr` must be at least 0 and finite, got -0.1"),
        ({"min_lr": 0.1}, "`learning_rate` must be given with `min_lr`, got `min_lr` 0.1 alone"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive and finite, got 0.0"),
    ],
)
def test_an_argument_out_of_its_range_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        reduce_lr_on_plateau(**options)


def test_an_argument_that_is_no_number_is_an_error():
    with pytest.raises(TypeError, match="`factor` must be a number, got 'half'"):
        reduce_lr_on_plateau(factor="half")
