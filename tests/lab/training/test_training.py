import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax.lab import corruptions, data, losses, metrics, models, training


@pytest.fixture(scope="module")
def tiny():
    rng = np.random.default_rng(0)
    parts = (rng.uniform(size=(n, 3, 3)).astype(np.float32) for n in (10, 4, 5))
    return data.Dataset("tiny", data.Splits(*parts), source="memory", fingerprint="")


@pytest.fixture(scope="module")
def model():
    return models.mlp_autoencoder([6], 2)


def fit(model, tiny, seed=0, epochs=3, optimizer=None, **kwargs):
    settings = training.Settings(epochs=epochs, batch_size=4, seed=seed)
    task = training.Task(model, losses.mse(), tiny)
    return training.fit(task, optimizer or ae_optax.adam(1e-2), settings, **kwargs)


def empty_state():
    nothing = models.Model(init=lambda *_: ({}, {}), apply=lambda *_: None)
    return training.init_state(nothing, optax.identity(), jnp.zeros((1, 1, 1)), 3)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(model, tiny):
    first, again, other = fit(model, tiny), fit(model, tiny), fit(model, tiny, seed=1)
    chex.assert_trees_all_equal(first.state.params, again.state.params)
    assert [r.test_loss for r in first.rows] == [r.test_loss for r in again.rows]
    assert first.rows[-1].test_loss != other.rows[-1].test_loss


def test_an_epoch_takes_every_image_once_and_weighs_the_last_batch_by_its_size():
    seen = []

    def step(state, images, weights):
        weights = jnp.ones(images.shape[0]) if weights is None else weights
        jax.debug.callback(lambda x, w: seen.append((x, w)), images[:, 0, 0], weights)
        mean = jnp.sum(weights * images[:, 0, 0]) / jnp.sum(weights)
        return state._replace(step=state.step + 1), mean

    images = jnp.arange(10.0)[:, None, None]
    state = empty_state()
    state, _ = jax.jit(training.make_epoch(step, 4))(state, images)
    jax.effects_barrier()
    taken = np.concatenate([x[w > 0] for x, w in seen])
    assert int(state.step) == len(seen) == 3
    assert sorted(taken) == list(range(10))
    assert list(taken) != list(range(10))
    np.testing.assert_allclose(state.epoch.loss, 4.5, rtol=1e-6)


def test_every_epoch_has_its_own_order():
    state = empty_state()
    orders = []

    def step(state, images, weights):
        return state._replace(step=state.step + 1), images[0, 0, 0]

    epoch = jax.jit(training.make_epoch(step, 1))
    for _ in range(3):
        before = state
        state, _ = epoch(state, jnp.arange(5.0)[:, None, None])
        orders.append(tuple(jax.random.permutation(training.key_for(before, "order"), 5).tolist()))
    assert len(set(orders)) > 1


def test_a_step_is_the_gradient_of_the_mean_over_the_images_that_count(model, tiny):
    optimizer = ae_optax.sgd(1.0)
    images = jnp.asarray(tiny.train)
    state = training.init_state(model, optimizer, images, 0)
    step = training.make_step(training.Task(model, losses.mse()), optimizer)
    weighted, value = step(state, images[:4], jnp.asarray([1.0, 1.0, 1.0, 0.0]))
    plain, expected = step(state, images[:3], None)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    chex.assert_trees_all_close(weighted.params, plain.params, rtol=1e-5, atol=1e-7)


def test_evaluation_in_portions_is_the_mean_over_all(model, tiny):
    images = jnp.asarray(tiny.train)
    state = training.init_state(model, ae_optax.sgd(1.0), images, 0)
    output, _ = model.apply(state.params, state.model_state, images, jax.random.key(0), False)
    errors = np.mean(np.square(np.asarray(output.decoded - images, float)), axis=(1, 2))
    ratios = -10 * np.log10(errors)
    for size in (1, 3, 10, 1000):
        task = training.Task(model, losses.mse(), metrics=[metrics.psnr()])
        evaluate = training.make_evaluate(task, batch_size=size)
        found = evaluate(state, images)
        np.testing.assert_allclose(found["loss"], errors.mean(), rtol=1e-6)
        np.testing.assert_allclose(found["psnr"], ratios.mean(), rtol=1e-6)
        np.testing.assert_allclose(found["psnr_std"], ratios.std(), rtol=1e-4)


def test_rows_count_epochs_and_steps_and_arrive_as_they_are_made(model, tiny):
    arrived = []
    result = fit(model, tiny, on_epoch=arrived.append)
    assert arrived == result.rows
    assert [(r.epoch, r.step) for r in result.rows] == [(1, 3), (2, 6), (3, 9)]
    assert all(r.seconds >= 0 for r in result.rows)
    assert int(result.state.step) == 9


def test_without_validation_images_their_loss_is_not_a_number(model, tiny):
    empty = tiny.with_splits(validation=np.zeros((0, 3, 3), np.float32))
    assert np.isnan(fit(model, empty, epochs=1).rows[0].validation_loss)


def test_a_run_that_diverges_stops_and_says_so(tiny):
    linear = models.mlp_autoencoder([6], 2, output="linear")
    result = fit(linear, tiny, epochs=50, optimizer=ae_optax.sgd(1e9))
    assert result.status == "diverged"
    assert len(result.rows) < 50


def test_the_optimizer_is_told_the_loss_of_the_batch(model, tiny):
    told = []

    def update(updates, state, params=None, *, value, **extra):
        jax.debug.callback(lambda v: told.append(float(v)), value)
        return updates, state

    spy = optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
    images = jnp.asarray(tiny.train)
    state = training.init_state(model, spy, images, 0)
    step = training.make_step(training.Task(model, losses.mse()), spy)
    _, value = step(state, images, None)
    jax.effects_barrier()
    assert told == [float(value)]


def test_images_that_cannot_be_trained_on_are_refused_by_name(model, tiny):
    bad = tiny.train.copy()
    bad[1, 2, 0] = np.nan
    with pytest.raises(data.DataError, match=r"tiny \(memory\), train: pixels must be finite"):
        fit(model, tiny.with_splits(train=bad))
    with pytest.raises(data.DataError, match="`batch_size` must be at most the 3 training images"):
        fit(model, tiny.with_splits(train=tiny.train[:3]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 1}, "`patience` waits .* there are no validation images in tiny"),
        ({"epochs": 2**31}, r"`epochs` must make fewer than 2147483648 steps, got 2147483648 "),
    ],
)
def test_settings_that_the_data_do_not_allow_are_refused(model, tiny, settings, message):
    task = training.Task(model, losses.mse(), tiny.with_splits(validation=tiny.validation[:0]))
    with pytest.raises(data.DataError, match=message):
        training.fit(task, ae_optax.sgd(0.1), training.Settings(batch_size=4, **settings))


def test_a_whole_run_equals_the_same_run_epoch_by_epoch(model, tiny):
    settings = training.Settings(epochs=3, batch_size=4, seed=5)
    images = training.Images(tiny.train, tiny.validation, tiny.test, tiny.test[:2])
    task = training.Task(model, losses.mse())
    run = jax.jit(training.make_run(task, ae_optax.adam, settings))
    whole = run(jnp.float32(1e-2), jnp.int32(5), images)
    rows = fit(model, tiny, seed=5).rows
    # The rate is traced in one and constant in the other, so the last digits may differ.
    np.testing.assert_allclose(whole.rows["test_loss"], [r.test_loss for r in rows], rtol=1e-5)
    np.testing.assert_allclose(whole.rows["train_loss"], [r.train_loss for r in rows], rtol=1e-5)
    chex.assert_shape(whole.rows["validation_loss"], (3,))
    chex.assert_shape(whole.untrained["validation_loss"], ())
    chex.assert_shape(list(whole.reconstructions), (2, 3, 3))


@pytest.mark.slow
def test_one_start_serves_runs_of_every_optimizer(model, tiny):
    images = training.Images(tiny.train, tiny.validation, tiny.test, tiny.test[:2])
    task = training.Task(model, losses.mse(), tiny)
    start = jax.jit(training.make_start(task))(5, images)
    assert dict(start.untrained) == training.untrained(task, 5)
    settings = training.Settings(epochs=2, batch_size=4)
    for make in (ae_optax.adam, ae_optax.sgd):
        parts = task, make, settings
        whole = jax.jit(training.make_run(*parts))(1e-2, 5, images)
        begun = jax.jit(training.make_run_from(*parts))(1e-2, start, images)
        chex.assert_trees_all_equal(whole.state.key, begun.state.key)
        chex.assert_trees_all_close(whole.state.params, begun.state.params, rtol=1e-5)
        chex.assert_trees_all_close(whole.untrained, begun.untrained, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"seed": -1}, r"`seed` must lie in \[0, 2147483648\), got -1"),
        ({"seed": 2**31}, r"`seed` must lie in .*, got 2147483648"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        training.Settings(**arguments)


def plateau_after(optimizer, patience=0):
    # A threshold that nothing passes: every epoch after the first is bad.
    plateau = ae_optax.reduce_on_plateau(factor=0.5, patience=patience, threshold=1.0)
    return ae_optax.chain(optimizer, plateau)


def test_a_plateau_observes_the_validation_loss_after_every_epoch(model, tiny):
    result = fit(model, tiny, epochs=5, optimizer=plateau_after(ae_optax.sgd(0.25), patience=1))
    # Seen after the epochs 1 (good), 2, 3 (bad): the epoch 4 is the first at half the rate.
    assert [row.plateau_scale for row in result.rows] == [1, 1, 1, 0.5, 0.5]
    assert [row.learning_rate for row in result.rows] == [0.25, 0.25, 0.25, 0.125, 0.125]
    state = result.state.opt_state[1]
    assert state.best_value == np.float32(result.rows[0].validation_loss)
    assert state.value_sum == np.float32(result.rows[-1].validation_loss)  # Next in turn.


def test_a_plateau_feels_the_losses_of_the_batches_in_nothing(model, tiny):
    patient = plateau_after(ae_optax.adam(1e-2), patience=100)
    with_it, without = fit(model, tiny, optimizer=patient), fit(model, tiny)
    chex.assert_trees_all_equal(with_it.state.params, without.state.params)


def test_a_whole_run_feeds_its_plateaus_as_epochs_do(model, tiny):
    settings = training.Settings(epochs=3, batch_size=4, seed=5)
    images = training.Images(tiny.train, tiny.validation, tiny.test, tiny.test[:2])
    task = training.Task(model, losses.mse())
    run = training.make_run(task, lambda rate: plateau_after(ae_optax.adam(rate)), settings)
    whole = jax.jit(run)(jnp.float32(1e-2), jnp.int32(5), images)
    rows = fit(model, tiny, seed=5, optimizer=plateau_after(ae_optax.adam(1e-2))).rows
    assert [row.plateau_scale for row in rows] == [1, 1, 0.5]
    # The rate is traced in one and constant in the other, so the last digits may differ.
    np.testing.assert_allclose(whole.rows["test_loss"], [r.test_loss for r in rows], rtol=1e-5)


def test_a_plateau_without_validation_images_is_refused(model, tiny):
    empty = tiny.with_splits(validation=np.zeros((0, 3, 3), np.float32))
    message = "reduce_on_plateau observes the validation loss: there must be validation images"
    with pytest.raises(data.DataError, match=message):
        fit(model, empty, optimizer=plateau_after(ae_optax.adam(1e-2)))
    images = training.Images(empty.train, empty.validation, empty.test, empty.test)
    task = training.Task(model, losses.mse())
    run = training.make_run(
        task, lambda rate: plateau_after(ae_optax.adam(rate)), training.Settings()
    )
    with pytest.raises(data.DataError, match=message):
        jax.eval_shape(run, jnp.float32(1.0), jnp.int32(0), images)


def test_rows_show_the_rate_of_the_last_step(model, tiny):
    falling = ae_optax.adam(lambda step: 1e-2 / (1 + step.astype(jnp.float32)))
    rates = [row.learning_rate for row in fit(model, tiny, optimizer=falling).rows]
    np.testing.assert_allclose(rates, [1e-2 / 3, 1e-2 / 6, 1e-2 / 9], rtol=1e-6)
    hidden = fit(model, tiny, epochs=1, optimizer=optax.sgd(1e-2)).rows[0]
    assert np.isnan(hidden.learning_rate)
    assert hidden.plateau_scale == 1


@pytest.mark.slow
def test_steps_are_recorded_one_after_every_so_many(model, tiny):
    def warmup(step):  # Over before the second epoch.
        return 1e-2 * jnp.minimum(step.astype(jnp.float32) + 1, 3) / 3

    optimizer, told = ae_optax.adam(warmup), []
    settings = training.Settings(epochs=4, batch_size=4, seed=5, telemetry=True, log_every=2)
    task = training.Task(model, losses.mse(), tiny)
    found = training.fit(task, optimizer, settings, on_steps=told.append)
    assert found.steps["step"].tolist() == [2, 4, 6, 8, 10, 12]
    assert np.concatenate([part["step"] for part in told]).tolist() == [2, 4, 6, 8, 10, 12]
    np.testing.assert_allclose(found.steps["learning_rate"][:2], [2e-2 / 3, 1e-2], rtol=1e-6)
    assert found.steps["gradient_norm"][-1] == found.rows[-1].metrics["gradient_norm"]
    every = training.fit(task, optimizer, dataclasses.replace(settings, log_every=1)).steps
    np.testing.assert_array_equal(every["loss"][1::2], found.steps["loss"])
    # Four images at two steps, two at the third.
    mean = every["loss"].reshape(4, 3) @ np.asarray([0.4, 0.4, 0.2])
    np.testing.assert_allclose(mean, [row.train_loss for row in found.rows], rtol=1e-6)
    run = jax.jit(training.make_run(task, lambda _: optimizer, settings))
    whole = run(0, 5, training.on_device(tiny)).steps
    assert list(whole["step"]) == list(found.steps["step"])
    np.testing.assert_allclose(whole["loss"], found.steps["loss"], rtol=1e-5)
    quiet = fit(model, tiny, epochs=1)
    assert quiet.steps == {}


def test_a_run_starts_from_given_parameters(model, tiny):
    first = fit(model, tiny, epochs=2)
    given = jax.tree.map(np.asarray, first.state.params)
    # At a rate of zero it stays there, and they stay whole.
    still = fit(model, tiny, epochs=1, optimizer=ae_optax.sgd(0.0), params=given)
    chex.assert_trees_all_equal(still.state.params, first.state.params, given)
    assert still.rows[0].test_loss == pytest.approx(first.rows[-1].test_loss, rel=1e-6)
    averaging = ae_optax.chain(ae_optax.sgd(0.0), ae_optax.average_params())
    chex.assert_trees_all_close(fit(model, tiny, 0, 1, averaging, params=given).params, given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda leaves: leaves[1:], "`params` must be those of the model: it has float32"),
        (lambda leaves: [leaves[0][None], *leaves[1:]], r"got float32\[1, "),
        (lambda leaves: [leaves[0].astype(np.float16), *leaves[1:]], "got float16"),
    ],
    ids=["missing", "shape", "dtype"],
)
def test_parameters_of_another_model_are_refused_by_path(model, tiny, change, message):
    params, _ = model.init(jax.random.key(0), jnp.asarray(tiny.train[:1]))
    paths = [keys for keys, _ in jax.tree.leaves_with_path(params)]
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    names = [jax.tree_util.keystr(keys, simple=True, separator="/") for keys in paths]
    changed = change(leaves)
    given = dict(zip(names[len(names) - len(changed) :], changed, strict=True))
    nested = {}
    for name, leaf in given.items():
        *most, last = name.split("/")
        node = nested
        for key in most:
            node = node.setdefault(key, {})
        node[last] = leaf
    with pytest.raises(ValueError, match=message):
        fit(model, tiny, params=nested)


@pytest.mark.parametrize("unbroken", [1, 2])
@pytest.mark.parametrize("stops", [(1, 2, 3), (2, 3, 4, 6), (3, 5, 6)])
def test_an_epoch_in_parts_gives_the_bits_of_one_in_one_part(model, tiny, stops, unbroken):
    optimizer = ae_optax.adam(1e-2)
    images = jnp.asarray(tiny.train)
    step = training.make_step(training.Task(model, losses.mse()), optimizer)
    segment = jax.jit(training.make_segment(step, 4, unbroken=unbroken))
    parts = whole = training.init_state(model, optimizer, images, 0)
    for stop in stops:
        parts, _ = segment(parts, images, stop)
    for stop in range(3, stops[-1] + 1, 3):
        whole, _ = segment(whole, images, stop)
    assert int(parts.step) == stops[-1]
    chex.assert_trees_all_equal(parts, whole)


def test_the_model_is_given_corrupted_images_and_asked_for_clean_ones(model, tiny):
    given = []

    def corrupt(key, images):
        corrupted = images + jax.random.uniform(key, images.shape)
        jax.debug.callback(given.append, corrupted)
        return corrupted

    def spy(params, state, x, key, train):
        return jnp.zeros_like(x), state

    corruption = corruptions.Corruption(corrupt)
    images = jnp.asarray(tiny.train)
    zero = model._replace(apply=spy)
    state = training.init_state(zero, ae_optax.sgd(1.0), images, 0)
    task = training.Task(zero, losses.mse(), corruption=corruption)
    step = training.make_step(task, ae_optax.sgd(1.0))
    for _ in range(2):
        state, value = step(state, images, None)
        np.testing.assert_allclose(value, np.mean(tiny.train**2), rtol=1e-6)
    jax.effects_barrier()
    first, second = given
    assert np.all(first >= tiny.train)
    assert np.any(first != second)
    evaluate = training.make_evaluate(task)
    for _ in range(2):
        evaluate(state, images)
    jax.effects_barrier()
    np.testing.assert_array_equal(given[2], given[3])
    reconstruct = training.make_reconstruct(task)
    np.testing.assert_array_equal(reconstruct(state, images).inputs, given[2])


def test_terms_are_weighted_in_the_loss_and_reported_as_they_are(model, tiny):
    def terms(seen):
        errors = jnp.mean(jnp.square(seen.output.decoded - seen.target), axis=(1, 2))
        return {"error": losses.Term(errors), "two": losses.Term(jnp.float32(2), jnp.float32(0.5))}

    def report(seen):
        return {"five": jnp.full(seen.target.shape[0], 5.0)}

    loss = losses.mse()._replace(terms=terms, report=report)
    settings = training.Settings(epochs=1, batch_size=4)
    row = training.fit(training.Task(model, loss, tiny), ae_optax.sgd(0.0), settings).rows[0]
    np.testing.assert_allclose(row.test_loss, row.metrics["test_error"] + 1, rtol=1e-6)
    assert row.metrics["test_two"] == 2
    assert row.metrics["validation_five"] == 5
    assert row.flat()["test_five"] == 5
    assert "metrics" not in row.flat()


def test_telemetry_is_recorded_where_it_is_asked_for(model, tiny):
    optimizer = ae_optax.chain(ae_optax.clip_by_global_norm(1e-3), ae_optax.sgd(0.5))
    settings = training.Settings(epochs=2, batch_size=4, telemetry=True)
    task = training.Task(model, losses.mse(), tiny)
    told = training.fit(task, optimizer, settings)
    quiet = training.fit(task, optimizer, training.Settings(2, 4))
    chex.assert_trees_all_equal(told.state.params, quiet.state.params)
    metrics = told.rows[-1].metrics
    np.testing.assert_allclose(metrics["update_norm"], 5e-4, rtol=1e-5)
    np.testing.assert_allclose(metrics["clip_by_global_norm.norm_after"], 1e-3, rtol=1e-5)
    assert metrics["gradient_norm"] > 1e-3
    assert metrics["clipped_fraction"] > 0.5
    assert metrics["effective_rate_min"] <= metrics["effective_rate_max"]
    assert quiet.rows[-1].metrics == {}
