"""Sparse dictionaries: their formulas, what they tell of dead units, and how these come back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled import filled

from ae_optax.lab import losses, models

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 12)).astype(np.float32)
CODE, K = 40, 5
KINDS = {
    "relu": models.relu_dictionary(CODE),
    "topk": models.topk_dictionary(CODE, k=K),
    "batch_topk": models.batch_topk_dictionary(CODE, k=K),
    "jump_relu": models.jump_relu_dictionary(CODE, threshold=0.3, bandwidth=0.2),
}


def prepared(model, seed=0):
    """Return made-up parameters and the state that the model starts with."""
    params, _ = filled(model, X, seed)
    _, state = jax.jit(model.init)(jax.random.key(0), X)
    params["decoder"]["bias"] = jnp.asarray(X.mean(0))
    params["encoder"]["bias"] = jnp.full(CODE, 0.1)
    if "activation" in params:
        params["activation"]["log_threshold"] = jnp.full(CODE, jnp.log(0.3))
    return params, state


def apply(model, params, state, train=True, x=X):
    return jax.jit(model.apply, static_argnums=4)(params, state, x, jax.random.key(1), train)


def encoded(params):
    return (X - X.mean(0)) @ np.asarray(params["encoder"]["kernel"], float) + 0.1


def keep(values, least):
    return np.where(values >= np.maximum(least, 1e-12), values, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dictionary_computes_its_formula(kind):
    params, state = prepared(KINDS[kind])
    if kind == "jump_relu":
        params["activation"]["log_threshold"] = jnp.log(jnp.linspace(0.1, 1.0, CODE))
    output, _ = apply(KINDS[kind], params, state)
    z = encoded(params)
    f = {
        "relu": keep(z, 0),
        "topk": keep(z, np.sort(z, axis=1)[:, [-K]]),
        "batch_topk": keep(z, np.sort(z, axis=None)[-K * len(X)]),
        "jump_relu": keep(z, np.linspace(0.1, 1.0, CODE)),
    }[kind]
    np.testing.assert_allclose(output.code, f, rtol=1e-4, atol=1e-5)
    decoded = f @ np.asarray(params["decoder"]["kernel"], float) + X.mean(0)
    np.testing.assert_allclose(output.decoded, decoded, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_with_unit_vectors_their_transpose_and_the_geometric_median(kind):
    far = np.concatenate([X, [np.full(12, 1e3, np.float32)]])
    params, state = jax.jit(KINDS[kind].init)(jax.random.key(0), far)
    kernel = np.asarray(params["decoder"]["kernel"])
    assert kernel.shape == (CODE, 12)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(params["encoder"]["kernel"], kernel.T)
    np.testing.assert_array_equal(params["encoder"]["bias"], 0)
    np.testing.assert_array_equal(state["silent"], 0)
    # Where the sum of distances is least, the directions to all points cancel.
    away = far - np.asarray(params["decoder"]["bias"])
    pull = (away / np.linalg.norm(away, axis=1, keepdims=True)).sum(0)
    assert np.linalg.norm(pull) < 0.05
    assert np.linalg.norm(far.mean(0) - np.asarray(params["decoder"]["bias"])) > 100


def test_the_median_of_equal_points_is_that_point():
    model = models.relu_dictionary(2)
    params, _ = jax.jit(model.init)(jax.random.key(0), np.full((5, 3), 0.25, np.float32))
    np.testing.assert_allclose(params["decoder"]["bias"], 0.25, rtol=1e-6)


def test_a_batch_is_evaluated_by_the_threshold_that_training_came_to():
    model = KINDS["batch_topk"]
    params, state = prepared(model)
    z = np.maximum(encoded(params), 0)
    np.testing.assert_allclose(apply(model, params, state, False)[0].code, z, rtol=1e-4, atol=1e-6)
    _, state = apply(model, params, state)
    least = np.sort(z, axis=None)[-K * len(X)]
    np.testing.assert_allclose(state["activation"]["threshold"], least, rtol=1e-5)
    halved = {**params, "encoder": jax.tree.map(lambda p: p / 2, params["encoder"])}
    _, state = apply(model, halved, state)
    threshold = 0.99 * least + 0.01 * least / 2
    np.testing.assert_allclose(state["activation"]["threshold"], threshold, rtol=1e-5)
    code = apply(model, params, state, False)[0].code
    np.testing.assert_array_equal(np.asarray(code) > 0, z > threshold)
    one = apply(model, params, state, False, X[:1])[0].code
    np.testing.assert_allclose(one, code[:1], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", [True, False])
def test_what_is_no_number_is_shown_in_the_code(kind, train):
    params, state = prepared(KINDS[kind])
    params["encoder"]["bias"] = params["encoder"]["bias"].at[3].set(jnp.nan)
    code = apply(KINDS[kind], params, state, train)[0].code
    assert np.isnan(np.asarray(code)[:, 3]).any()


def test_the_thresholds_of_a_jump_relu_have_the_derivatives_of_a_smoothed_step():
    model = KINDS["jump_relu"]
    params, state = prepared(model)
    z, theta, width = encoded(params), 0.3, 0.2
    weights = RNG.normal(size=z.shape).astype(np.float32)

    def read(what):
        def value(thresholds):
            its = {**params, "activation": {"log_threshold": thresholds}}
            return what(model.apply(its, state, X, jax.random.key(0), True)[0])

        return jax.grad(value)(params["activation"]["log_threshold"])

    near = np.abs(z - theta) < width / 2
    assert near.any()
    # The parameter is the logarithm: another factor of the threshold.
    of_code = read(lambda output: jnp.sum(weights * output.code))
    expected = -theta * (theta / width * near * weights).sum(0)
    np.testing.assert_allclose(of_code, expected, rtol=1e-4, atol=1e-5)
    of_number = read(lambda output: jnp.sum(output.told["l0"]))
    np.testing.assert_allclose(of_number, -theta * (near / width).sum(0), rtol=1e-4)


def test_units_are_silent_from_the_last_step_that_used_them():
    model = models.topk_dictionary(CODE, k=1, dead_after=2)
    params, state = prepared(model)
    used = (np.asarray(apply(model, params, state)[0].code) != 0).any(0)
    for steps in (1, 2, 3):
        _, state = apply(model, params, state)
        np.testing.assert_array_equal(state["silent"], np.where(used, 0, steps))
    _, after = apply(model, params, state, False)
    np.testing.assert_array_equal(after["silent"], state["silent"])


def test_dead_units_alone_learn_what_the_others_leave():
    model = models.topk_dictionary(CODE, k=1, dead_after=2)
    params, state = prepared(model)
    loss = losses.revival(1.0)

    def value(params, silent):
        output, _ = model.apply(params, {**state, "silent": silent}, X, jax.random.key(0), True)
        return loss(losses.Seen(output, X, params, jnp.int32(0)))

    silent = jnp.where(jnp.arange(CODE) < 30, 2, 1)
    found, slope = jax.jit(jax.value_and_grad(value))(params, silent)
    z = np.maximum(encoded(params), 0)
    dead = np.where(np.arange(CODE) < 30, z, 0)
    dead = np.where(dead >= np.sort(dead, axis=1)[:, [-6]], dead, 0)  # Half as many as inputs.
    missing = X - np.asarray(apply(model, params, state)[0].decoded)
    revived = dead @ np.asarray(params["decoder"]["kernel"], float)
    np.testing.assert_allclose(found, np.mean((missing - revived) ** 2), rtol=1e-4)
    moved = np.any(np.asarray(slope["decoder"]["kernel"]) != 0, axis=1)
    np.testing.assert_array_equal(moved, (dead > 0).any(0))
    assert jax.jit(value)(params, jnp.ones(CODE, jnp.int32)) == 0


def test_resampling_gives_dead_units_the_inputs_that_are_explained_worst():
    model = models.resample_dead(models.topk_dictionary(CODE, k=2), every=3, dead_after=4)
    params, state = prepared(model)
    # One input is explained as badly as all others together, by far.
    x = np.concatenate([np.tile(X.mean(0), (5, 1)), [X.mean(0) + 100 * X[0]]]).astype(np.float32)
    dead = np.arange(CODE) % 4 == 0
    state["model"]["silent"] = jnp.where(dead, 4, 3)
    renew = jax.jit(model.renew)
    new, after, renewed = renew(params, state, x, jax.random.key(0))
    np.testing.assert_array_equal(renewed, dead)
    np.testing.assert_array_equal(after["model"]["silent"], np.where(dead, 0, 3))
    entries, old = np.asarray(new["decoder"]["kernel"]), np.asarray(params["decoder"]["kernel"])
    np.testing.assert_array_equal(entries[~dead], old[~dead])
    direction = X[0] / np.linalg.norm(X[0])
    np.testing.assert_allclose(entries[dead] @ direction, 1, rtol=1e-5)
    units = np.asarray(new["encoder"]["kernel"])
    length = 0.2 * np.linalg.norm(np.asarray(params["encoder"]["kernel"])[:, ~dead], axis=0).mean()
    np.testing.assert_allclose(units[:, dead], length * entries[dead].T, rtol=1e-5)
    np.testing.assert_array_equal(new["encoder"]["bias"] == 0, dead)
    # And again after three steps.
    for due in (False, False, True):
        later = {**after, "model": state["model"]}
        new, after, renewed = renew(params, later, x, jax.random.key(0))
        assert np.any(renewed) == due
        assert np.array_equal(new["decoder"]["kernel"], old) == (not due)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: models.topk_dictionary(3, k=4), ValueError, "`k` must be at most `code`, 3"),
        (lambda: models.topk_dictionary(3, k=1.0), TypeError, "`k` must be an integer"),
        (lambda: models.batch_topk_dictionary(3, k=0), ValueError, "`k` must be at least 1"),
        (lambda: models.relu_dictionary(0), ValueError, "`code` must be at least 1"),
        (lambda: models.relu_dictionary(2, dead_after=0), ValueError, "`dead_after` must be at"),
        (lambda: models.jump_relu_dictionary(2, threshold=0), ValueError, "`threshold` must be"),
        (lambda: models.jump_relu_dictionary(2, bandwidth=-1), ValueError, "`bandwidth` must be"),
        (
            lambda: models.resample_dead(models.mlp_autoencoder([], 2), every=0, dead_after=1),
            ValueError,
            "`every` must be at least 1",
        ),
        (
            lambda: models.resample_dead(models.mlp_autoencoder([], 2), every=1, dead_after=1).init(
                jax.random.key(0), X
            ),
            ValueError,
            "`model` must be a dictionary, which counts",
        ),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
