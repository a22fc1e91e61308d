"""Runs that are cut off and taken up again, and what is done about numbers that are not finite."""

import dataclasses
import itertools
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from marks import slow

import ae_optax as ao
from ae_optax import schedules
from ae_optax.lab import checkpoints, data, losses, models, training

STEPS = 3  # An epoch.
EPOCHS = 4


@pytest.fixture(scope="module")
def tiny():
    rng = np.random.default_rng(0)
    parts = (rng.uniform(size=(n, 3, 3)).astype(np.float32) for n in (10, 4, 5))
    return data.Dataset("tiny", data.Splits(*parts), source="memory", fingerprint="")


class Normalised(nnx.Module):
    """A model with a state of its own, and with chance in it."""

    def __init__(self, shape, rngs):
        width = math.prod(shape)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.layer = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x):
        return self.layer(self.drop(self.norm(x.reshape(x.shape[0], -1)))).reshape(x.shape)


def init_linear(key, x):
    width = x[0].size
    kernel = 0.1 * jax.random.normal(key, (width, 2))
    return {
        "encoder": {"kernel": kernel},
        "decoder": {"kernel": kernel.T, "bias": jnp.zeros(width)},
    }, {}


def apply_linear(params, state, x, key, train):
    code = x.reshape(x.shape[0], -1) @ params["encoder"]["kernel"]
    decoded = code @ params["decoder"]["kernel"] + params["decoder"]["bias"][None]
    return decoded.reshape(x.shape), state


MODELS = {
    "linear": lambda: models.Model(init_linear, apply_linear),  # Compiles in no time.
    "with state": lambda: models.from_nnx(Normalised),
    "renewing": lambda: models.resample_dead(
        models.topk_dictionary(20, k=1), every=2, dead_after=1
    ),
}

OPTIMIZERS = {
    "chain": lambda: ao.chain(ao.clip_by_global_norm(0.1), ao.adam(1e-2)),
    "masked": lambda: ao.by_path({"**/bias": ao.freeze(), "**": ao.momentum(1e-2)}),
    "schedule": lambda: ao.adamw(schedules.cosine_annealing(1e-2, min_value=0.0, duration=12)),
    "plateau": lambda: ao.chain(
        ao.adam(1e-2), ao.reduce_on_plateau(factor=0.5, patience=0, threshold=1.0)
    ),
    "averaging": lambda: ao.chain(ao.adam(1e-2), ao.average_params(0.9)),
    "still": lambda: ao.sgd(0.0),
    "units": lambda: ao.by_path(
        {
            "encoder/*": ao.reset_units(ao.adam(1e-2), axis=-1),
            "decoder/kernel": ao.reset_units(ao.adam(1e-2), axis=0),
            "**": ao.adam(1e-2),
        }
    ),
    "accumulation": lambda: ao.accumulate(ao.adam(1e-2), every=2),
    "layers": lambda: ao.kfac(1e-2, damping=1.0),
}


def fit(
    tiny, folder=None, *, model="linear", optimizer="chain", stop_at=None, loss=None, **settings
):
    """Train; with ``stop_at``, be interrupted once so many steps are done."""
    settings = training.Settings(**{"epochs": EPOCHS, "batch_size": 4, **settings})
    asked = itertools.count(1)
    task = training.Task(MODELS[model](), loss or losses.mse(), tiny)
    arguments = (task, OPTIMIZERS[optimizer](), settings)
    if folder is None:
        return training.fit(*arguments)
    with checkpoints.Checkpoints(folder) as store:
        saving = training.Saving(store, every_steps=1, every_minutes=None)
        return training.fit(*arguments, saving=saving, interrupted=lambda: next(asked) == stop_at)


def without_time(rows):
    # As dictionaries: since Python 3.13 records that hold one and the same NaN differ.
    return [dataclasses.asdict(dataclasses.replace(row, seconds=0.0)) for row in rows]


@pytest.mark.parametrize("stop_at", [4, *slow(EPOCHS * STEPS)])
def test_a_run_whose_rows_are_lost_goes_on_from_its_state_to_its_end(tiny, tmp_path, stop_at):
    whole = fit(tiny)
    fit(tiny, tmp_path, stop_at=stop_at)
    (tmp_path / "history.jsonl").unlink()
    with pytest.warns(UserWarning, match=f"they are lost, the state of .* step {stop_at} is not"):
        second = fit(tiny, tmp_path)
    assert (second.status, int(second.state.step)) == ("done", EPOCHS * STEPS)
    chex.assert_trees_all_equal(second.state.params, whole.state.params)
    assert without_time(second.rows) == without_time(whole.rows[stop_at // STEPS :])


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [1, 4, 5, 8, 11])
@pytest.mark.parametrize(
    ("model", "optimizer"),
    [
        *itertools.product(
            ("linear", "with state"), [n for n in OPTIMIZERS if n not in ("still", "units")]
        ),
        ("renewing", "units"),
    ],
)
def test_a_run_taken_up_in_mid_epoch_gives_the_bits_of_one_that_was_not_cut(
    tiny, tmp_path, model, optimizer, stop_at
):
    first = fit(tiny, tmp_path, model=model, optimizer=optimizer, stop_at=stop_at)
    assert (first.status, int(first.state.step)) == ("interrupted", stop_at)
    second = fit(tiny, tmp_path, model=model, optimizer=optimizer)
    whole = fit(tiny, model=model, optimizer=optimizer)
    assert second.status == whole.status == "done"
    chex.assert_trees_all_equal(second.state, whole.state)
    np.testing.assert_equal(without_time(second.rows), without_time(whole.rows))


@pytest.mark.parametrize(
    ("model", "optimizer"),
    [
        ("renewing", "units"),
        pytest.param("linear", "plateau", marks=pytest.mark.slow),
        pytest.param("linear", "layers", marks=pytest.mark.slow),
    ],
)
def test_a_run_cut_twice_gives_the_bits_of_one_that_was_not(tiny, tmp_path, model, optimizer):
    parts = {"model": model, "optimizer": optimizer}
    for stop_at, done in ((2, 2), (3, 5)):
        result = fit(tiny, tmp_path, **parts, stop_at=stop_at)
        assert int(result.state.step) == done
    result, whole = fit(tiny, tmp_path, **parts), fit(tiny, **parts)
    chex.assert_trees_all_equal(result.state, whole.state)
    np.testing.assert_equal(without_time(result.rows), without_time(whole.rows))


def test_a_run_that_is_done_is_not_done_again(tiny, tmp_path):
    first = fit(tiny, tmp_path)
    again = fit(tiny, tmp_path)
    chex.assert_trees_all_equal(first.state, again.state)
    assert again.rows == first.rows


def test_a_run_of_another_optimizer_is_not_taken_up(tiny, tmp_path):
    fit(tiny, tmp_path, epochs=1)
    with pytest.raises(checkpoints.CheckpointError, match=r"opt_state"):
        fit(tiny, tmp_path, optimizer="masked", epochs=1)


def faulty(what, step):
    """Return a loss that is not finite, or whose gradient is not, at one step only."""

    def terms(seen):
        error = jnp.mean(jnp.square(seen.output.decoded - seen.target), axis=(1, 2))
        bad = seen.step == step
        if what == "nan":
            return {"error": losses.Term(error * jnp.where(bad, jnp.nan, 1.0))}
        if what == "inf":
            return {"error": losses.Term(error + jnp.where(bad, jnp.inf, 0.0))}
        # The loss is finite; the gradient of a root at zero is not.
        hidden = seen.params["decoder"]["bias"][0]
        root = jnp.sqrt(jnp.where(bad, hidden - hidden, 1.0))
        return {"error": losses.Term(error), "root": losses.Term(root)}

    return losses.mse()._replace(terms=terms)


FAULTS = {
    "nan": ("loss", "gradient of encoder/kernel"),
    "inf": ("loss",),
    "leaf": ("gradient of decoder/bias",),
}


@pytest.mark.parametrize("what", ["leaf", *slow("nan", "inf")])
@pytest.mark.parametrize("policy", ["abort", "skip", "restore"])
def test_a_step_that_is_not_finite_is_never_taken(tiny, what, policy):
    result = fit(tiny, loss=faulty(what, 4), on_non_finite=policy)
    chex.assert_tree_all_finite(result.state.params)
    assert result.fault is not None
    assert result.fault.step == 4
    assert set(FAULTS[what]) <= set(result.fault.where)
    if what == "leaf":
        assert result.fault.where == FAULTS[what]
    if policy == "abort":
        assert (result.status, int(result.state.step), len(result.rows)) == ("diverged", 4, 1)
    elif policy == "skip":
        assert (result.status, len(result.rows)) == ("done", EPOCHS)
        assert int(result.state.faults.count) == 1
    else:
        # The fault comes again at every lower rate, until there is no lower one.
        assert result.status == "diverged"
        assert result.state.rate_scale == 2.0**-10
        assert int(result.state.faults.count) == 11


@pytest.mark.parametrize("policy", ["abort", "skip", "restore"])
def test_a_step_that_overflows_after_a_finite_gradient_is_never_taken(tiny, policy):
    # Of the loss and the gradient of step 5 nothing can be seen.
    huge = ao.sgd(lambda step: jnp.where(step == 5, 3e38, 1e-6))
    task = training.Task(MODELS["linear"](), scaled(1e3), tiny)
    settings = training.Settings(epochs=EPOCHS, batch_size=4, on_non_finite=policy)
    store = training.Memory()
    saving = training.Saving(store, every_steps=1, every_minutes=None)
    result = training.fit(task, huge, settings, saving=saving)
    chex.assert_tree_all_finite((result.state.params, store.restore(None).state.params))
    assert result.fault is not None
    assert result.fault.step == 5
    assert all(place.endswith("after the step") for place in result.fault.where)
    # A step that is skipped is none to the schedule either: all others are skipped, too.
    assert (result.status, int(result.state.step)) == {
        "abort": ("diverged", 5), "restore": ("diverged", 5), "skip": ("diverged", 9)
    }[policy]  # fmt: skip


def scaled(factor):
    def terms(seen):
        error = jnp.mean(jnp.square(seen.output.decoded - seen.target), axis=(1, 2))
        return {"error": losses.Term(factor * error)}

    return losses.mse()._replace(terms=terms)


def test_a_run_that_aborts_ends_with_the_bits_before_the_fault(tiny):
    aborted = fit(tiny, loss=faulty("nan", 4))
    told, asked = [], itertools.count(1)
    settings = training.Settings(epochs=EPOCHS, batch_size=4)
    task = training.Task(MODELS["linear"](), losses.mse(), tiny)
    saving = training.Saving(training.Memory(), every_steps=1, every_minutes=None)
    optimizer = OPTIMIZERS["chain"]()
    cut = training.fit(
        task, optimizer, settings, saving=saving, interrupted=lambda: next(asked) == 4,
        on_epoch=told.append,
    )  # fmt: skip
    chex.assert_trees_all_equal(aborted.state.params, cut.state.params)
    chex.assert_trees_all_equal(aborted.state.opt_state, cut.state.opt_state)
    assert [row.epoch for row in told] == [1]


@pytest.mark.parametrize("policy", ["abort", "restore"])
def test_steps_that_were_forgotten_are_told_no_more(tiny, policy):
    task = training.Task(MODELS["linear"](), faulty("nan", 4), tiny)
    settings = training.Settings(EPOCHS, batch_size=4, on_non_finite=policy, log_every=1)
    found = training.fit(task, ao.sgd(1e-2), settings)
    expected = [1, 2, 3, 4] if policy == "abort" else [1, 2, 3]  # To the last epoch's end.
    assert found.steps["step"].tolist() == expected


def test_the_loss_of_an_epoch_is_the_mean_over_the_steps_that_were_taken(tiny):
    def terms(seen):  # One, or not a number at step 1.
        one = jnp.ones(seen.target.shape[0]) + 0 * jnp.sum(seen.output.decoded)
        return {"one": losses.Term(jnp.where(seen.step == 1, jnp.nan, one))}

    result = fit(tiny, loss=losses.mse()._replace(terms=terms), on_non_finite="skip")
    assert [row.train_loss for row in result.rows] == [1.0] * EPOCHS
    assert [row.metrics["skipped_steps"] for row in result.rows] == [1, 0, 0, 0]


def not_finite_above(largest):
    """Return a loss that is none at rates at which it grows."""

    def terms(seen):
        error = jnp.mean(jnp.square(seen.output.decoded - seen.target), axis=(1, 2))
        return {"error": losses.Term(jnp.where(error > largest, jnp.nan, error))}

    return losses.mse()._replace(terms=terms)


def test_a_run_is_restored_at_half_the_rate(tiny):
    settings = training.Settings(epochs=3, batch_size=4, on_non_finite="restore")
    begun = []
    result = training.fit(
        training.Task(MODELS["linear"](), not_finite_above(3.0), tiny),
        ao.sgd(30.0),
        settings,
        on_start=lambda r: begun.append(r),
    )
    assert result.status == "done"
    assert 0 < result.state.rate_scale < 1
    # Whoever keeps the rows is told each time that some are no longer true.
    assert result.state.rate_scale == 0.5 ** (len(begun) - 1)
    assert result.rows[-1].learning_rate == 30 * float(result.state.rate_scale)


def test_a_run_that_fails_from_its_first_step_on_leaves_the_state_before_it(tiny):
    store = training.Memory()
    settings = training.Settings(epochs=1, batch_size=4, on_non_finite="restore")
    task = training.Task(MODELS["linear"](), faulty("nan", 0), tiny)
    result = training.fit(task, ao.sgd(1e-2), settings, saving=training.Saving(store))
    assert (result.status, store.steps()) == ("diverged", [0])


class Late(training.Memory):
    """Keeps nothing before it is waited for."""

    def __init__(self):
        super().__init__()
        self._late = []

    def save(self, step, state, **belongs):
        self._late.append((step, jax.tree.map(jnp.copy, state), belongs))

    def wait(self):
        while self._late:
            step, state, belongs = self._late.pop(0)
            super().save(step, state, **belongs)


def test_a_run_is_restored_from_what_is_being_saved(tiny):
    task = training.Task(MODELS["linear"](), not_finite_above(3.0), tiny)
    settings = training.Settings(epochs=3, batch_size=4, on_non_finite="restore")
    optimizer = ao.sgd(lambda step: jnp.where(step < 4, 1e-2, 30.0))
    prompt, late = (
        training.fit(task, optimizer, settings, saving=training.Saving(store, every_steps=2))
        for store in (training.Memory(), Late())
    )
    assert 0 < prompt.state.rate_scale < 1
    chex.assert_trees_all_equal(late.state.params, prompt.state.params)


def test_training_stops_when_the_validation_loss_no_longer_falls(tiny):
    result = fit(tiny, optimizer="still", epochs=50, patience=3)
    assert result.status == "stopped"
    assert len(result.rows) == 4


def improving_until(step):
    """Return a loss that falls to a step and rises thereafter, whatever is learnt."""

    def terms(seen):
        distance = jnp.abs(seen.step - step).astype(jnp.float32)
        error = jnp.mean(jnp.square(seen.output.decoded - seen.target), axis=(1, 2))
        return {"error": losses.Term(0 * error + distance)}

    return losses.mse()._replace(terms=terms)


@pytest.mark.parametrize("way", ["memory", *slow("disk", "taken up")])
def test_patience_gives_back_the_best_epoch(tiny, tmp_path, way):
    folder, loss = None if way == "memory" else tmp_path, improving_until(2 * STEPS)
    if way == "taken up":
        cut = fit(tiny, folder, loss=loss, epochs=50, patience=2, stop_at=3 * STEPS + 1)
        assert (cut.status, int(cut.state.step)) == ("interrupted", 3 * STEPS + 1)
    result = fit(tiny, folder, loss=loss, epochs=50, patience=2)
    assert (result.status, len(result.rows), int(result.state.step)) == ("stopped", 4, 2 * STEPS)
    chex.assert_trees_all_equal(result.state, fit(tiny, loss=loss, epochs=2).state)


def test_the_best_epoch_is_on_disk_when_its_number_is_told(tiny, tmp_path):
    saved = []
    task = training.Task(MODELS["linear"](), losses.mse(), tiny)
    with checkpoints.Checkpoints(tmp_path) as store:
        training.fit(
            task,
            ao.sgd(1e-2),
            training.Settings(epochs=3, batch_size=4, patience=3),
            saving=training.Saving(store, every_minutes=None),
            on_epoch=lambda row: saved.append((row.step, store.steps()[-1])),
        )
    assert saved == [(STEPS, STEPS), (2 * STEPS, 2 * STEPS), (3 * STEPS, 3 * STEPS)]


def test_training_stops_when_its_time_is_over(tiny):
    result = fit(tiny, epochs=1000, max_minutes=1e-9)
    assert result.status == "out of time"
    assert len(result.rows) == 1


def test_a_save_that_fails_is_told_and_training_goes_on(tiny):
    class Full(training.Memory):
        def save(self, *_, **__):
            raise checkpoints.CheckpointError("the disk is full")

    told = []
    saving = training.Saving(Full(), every_steps=STEPS, every_minutes=None, on_failure=told.append)
    settings = training.Settings(epochs=2, batch_size=4)
    task = training.Task(MODELS["linear"](), losses.mse(), tiny)
    arguments = (task, OPTIMIZERS["chain"](), settings)
    assert training.fit(*arguments, saving=saving).status == "done"
    assert [str(error) for error in told] == ["the disk is full"] * 2
    with pytest.warns(UserWarning, match="the disk is full"):
        training.fit(*arguments, saving=training.Saving(Full(), every_minutes=0))


def test_a_last_save_that_fails_does_not_cost_the_result(tiny):
    class Late(training.Memory):
        def wait(self):
            raise checkpoints.CheckpointError("the disk is full")

    told = []
    saving = training.Saving(Late(), on_failure=told.append)
    settings = training.Settings(epochs=1, batch_size=4)
    task = training.Task(MODELS["linear"](), losses.mse(), tiny)
    arguments = (task, OPTIMIZERS["chain"](), settings)
    assert training.fit(*arguments, saving=saving).status == "done"
    assert [str(error) for error in told] == ["the disk is full"]
