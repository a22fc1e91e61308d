"""What was trained is loaded from its folder, and used, without what it was trained on."""

import contextlib
import dataclasses
import shutil

import jax
import numpy as np
import pytest

import ae_optax
from ae_optax.lab import data, losses, models, plans, runs, training
from ae_optax.lab.checkpoints import CheckpointError
from ae_optax.lab.cli import main
from ae_optax.lab.data import DataError
from ae_optax.lab.trained import load


@contextlib.contextmanager
def compilations():
    """Give a list to which every program that is compiled within the block is added."""
    found = []

    def note(event, seconds, **_):
        if event.endswith("backend_compile_duration"):
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


@pytest.fixture
def run(logits):
    return load(logits)


@pytest.fixture(scope="module")
def dataset(logits):
    return data.arrays(logits.parent / "kept.npy", validation=20, test=20)


def test_a_run_tells_what_its_folder_holds(run):
    assert run.config.optimizer.plain()["chain"][0]["name"] == "adam"
    assert run.summary.status == "done"
    assert [row.epoch for row in run.rows] == [1, 2]
    assert run.step == run.rows[-1].step == 6
    mean = ae_optax.read(run.optimizer_state, "numerator[0].mean")
    assert jax.tree.structure(mean) == jax.tree.structure(run.state.params)
    assert repr(run).endswith("done, step 6)")
    assert repr(run.model) == "TrainedModel(images of 5×4, 407 parameters)"


def test_the_model_is_that_of_the_trainer(run, dataset):
    task = plans.make_task(run.config, dataset)
    expected = training.make_reconstruct(task)(run.state, dataset.test).outputs
    np.testing.assert_allclose(run.model.reconstruct(dataset.test), expected, rtol=1e-6)
    np.testing.assert_allclose(
        run.model.encode(dataset.test),
        training.make_codes(task)(run.state, dataset.test),
        rtol=1e-5,
    )
    loss = np.square(expected - dataset.test).mean(axis=(1, 2))
    np.testing.assert_allclose(run.model.errors(dataset.test), loss, rtol=1e-5)


def test_the_parameters_are_those_at_which_the_optimizer_wants_it_evaluated(run):
    for mine, averaged, last in zip(
        *map(
            jax.tree.leaves,
            (run.model.params, ae_optax.evaluation_params(run.state), run.state.params),
        ),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, averaged)
        assert not np.array_equal(mine, last)


def test_outputs_are_probabilities_and_decode_undoes_encode(run, images):
    made = run.model.reconstruct(images)
    assert made.shape == images.shape
    assert 0 < made.min() < made.max() < 1
    np.testing.assert_allclose(run.model.decode(run.model.encode(images)), made, rtol=1e-5)


def test_nothing_is_compiled_but_what_is_asked_for_and_that_once(logits, images):
    with compilations() as compiled:
        model = load(logits, batch_size=32).model
        before = len(compiled)
        codes = model.encode(images)
        assert len(compiled) - before == 1
        for n in (1, 32, 33):
            np.testing.assert_array_equal(model.encode(images[:n]), codes[:n])
        assert len(compiled) - before == 1


def test_loading_compiles_no_step_of_training(logits, monkeypatch):
    monkeypatch.setattr(training, "fit", None)
    with compilations() as compiled:
        load(logits)
    # Averages are worked out leaf by leaf, at once.
    assert len(compiled) <= 8


def test_bytes_are_images_too(run, images):
    eighths = np.round(images * 255).astype(np.uint8)
    np.testing.assert_array_equal(
        run.model.encode(eighths), run.model.encode(eighths / np.float32(255))
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((5, 4), np.float32), r"`images` must have the shape \(n, 5, 4\), got \(5, 4"),
        (np.zeros((2, 4, 5), np.float32), r"`images` must have the shape \(n, 5, 4\), got \(2, 4"),
        (np.full((2, 5, 4), 2.0, np.float32), r"pixels must lie in \[0, 1\], got 2.0"),
    ],
)
def test_what_are_no_images_of_its_size_is_refused(run, wrong, message):
    with pytest.raises(DataError, match=message):
        run.model.encode(wrong)


def test_codes_of_another_width_are_refused(run):
    with pytest.raises(ValueError, match=r"`codes` must have the shape \(n, 3\), got \(2, 4\)"):
        run.model.decode(np.zeros((2, 4)))


def test_only_a_variational_model_is_sampled(run, variational):
    with pytest.raises(ValueError, match="only a variational model can be sampled"):
        run.model.sample(3)
    samples = variational.model.sample(3, seed=1)
    assert samples.shape == (3, 8, 8)
    np.testing.assert_array_equal(samples, variational.model.sample(3, seed=1))
    assert not np.array_equal(samples, variational.model.sample(3, seed=2))


def test_what_a_variational_model_makes_of_an_image_does_not_depend_on_its_place(variational):
    images = data.digits().test[:9]
    forwards = variational.model.reconstruct(images)
    np.testing.assert_allclose(variational.model.reconstruct(images[::-1]), forwards[::-1])


def test_a_walk_leads_from_one_image_to_another(run, images):
    walk = run.model.interpolate(images[0], images[1], 5)
    assert walk.shape == (5, 5, 4)
    np.testing.assert_allclose(walk[[0, -1]], run.model.reconstruct(images[:2]), rtol=1e-5)
    with pytest.raises(ValueError, match="`n` must be at least 2"):
        run.model.interpolate(images[0], images[1], 1)


def test_training_goes_on_to_the_bit(run, dataset):
    task = plans.make_task(run.config, dataset)
    settings = training.Settings(epochs=4, batch_size=32, telemetry=True)
    whole = training.fit(task, run.optimizer, settings)
    longer = run.continue_(dataset, epochs=4)
    assert [row.epoch for row in longer.rows] == [1, 2, 3, 4]
    for mine, its in zip(*map(jax.tree.leaves, (longer.params, whole.params)), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_training_goes_on_with_its_own_data_only(run, images):
    with pytest.raises(
        DataError, match=r"`data` must be what .* was trained on, .*images\.npy with .*, got memory"
    ):
        run.continue_(data.from_arrays(images[::-1], validation=20, test=20), epochs=4)


def test_a_run_without_states_says_how_to_make_them(logits, tmp_path):
    folder = shutil.copytree(logits, tmp_path / "copy")
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(
        CheckpointError, match=r"has kept no state\. `ae-optax train .*config\.yaml"
    ):
        load(folder)


def test_an_earlier_state_can_be_had(logits):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint of step 1, only \[6\]"):
        load(logits, step=1)
    assert load(logits, step=6).step == 6


def test_a_folder_that_holds_no_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"summary\.json"):
        load(tmp_path)


def test_vectors_come_and_go_in_the_units_of_their_source(tmp_path):
    hidden = np.random.default_rng(0).normal(size=(200, 2))
    vectors = (100 * hidden @ [[1, 2, 0, 4], [0, 1, -3, 1]] + 1000).astype(np.float32)
    np.save(tmp_path / "x.npy", vectors)
    (tmp_path / "run.yaml").write_text(
        f"data: {{name: arrays, path: {tmp_path / 'x.npy'}, standardize: features}}\n"
        "model: {name: mlp_autoencoder, hidden: [], code: 2, output: linear}\n"
        "loss: {name: mse}\n"
        "optimizer: {name: adam, learning_rate: 1e-1}\n"
        "training: {epochs: 40, batch_size: 40}\n"
    )
    assert main(["train", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "out")]) == 0
    model = load(tmp_path / "out").model
    given_back = model.reconstruct(vectors)
    assert np.abs(given_back - vectors).mean() < 0.2 * vectors.std()
    np.testing.assert_allclose(model.decode(model.encode(vectors)), given_back, rtol=1e-5)
    standardized = (given_back - vectors) / vectors.std(axis=0)
    np.testing.assert_allclose(model.errors(vectors).mean(), np.mean(standardized**2), rtol=0.1)


def small(rate=1e-2, name="mine"):
    images = np.random.default_rng(0).random((60, 3, 3), np.float32)
    dataset = data.from_arrays(images, validation=10, test=10, name=name)
    model = models.mlp_autoencoder([5], 2)
    return training.Task(model, losses.mse(), dataset), ae_optax.adam(rate)


SETTINGS = training.Settings(epochs=2, batch_size=16, log_every=2)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Return the folder of a run that was made by ``fit``, and what that gave."""
    folder = tmp_path_factory.mktemp("program") / "mine"
    return folder, training.fit(*small(), SETTINGS, folder=folder)


def test_fit_leaves_a_folder_like_that_of_a_config(program, capsys):
    folder, result = program
    names = {path.name for path in folder.iterdir()}
    assert names == {"checkpoints", "config.yaml", "images.npz", "lock", "metrics.jsonl",
                     "steps.csv", "summary.json"}  # fmt: skip
    assert main(["report", str(folder)]) == 0
    assert main(["verify", str(folder)]) == 0
    assert main(["runs", str(folder.parent)]) == 0
    assert "mine" in capsys.readouterr().out
    assert "optimizer: &quot;adam(learning_rate=0.01" in (folder / "report.html").read_text()
    assert [row.test_loss for row in runs.read_rows(folder)] == [
        row.test_loss for row in result.rows
    ]


def test_a_run_of_a_programs_own_objects_is_loaded_with_them(program):
    folder, result = program
    task, optimizer = small()
    with pytest.raises(ValueError, match="own objects: give both `task` and `optimizer`"):
        load(folder)
    run = load(folder, task=task._replace(data=training.Task(*task[:2]).data), optimizer=optimizer)
    assert (run.step, run.config) == (6, None)
    images = task.data.test
    expected = training.make_reconstruct(task)(result.state, images).outputs
    np.testing.assert_allclose(run.model.reconstruct(images), expected, rtol=1e-6)
    whole = training.fit(task, optimizer, dataclasses.replace(SETTINGS, epochs=3))
    longer = load(folder, task=task, optimizer=optimizer).continue_(epochs=3)
    assert_same_bits(longer.params, whole.params)


def test_objects_may_stand_for_what_a_config_names(run, logits, images):
    task = training.Task(run.config.model.build(), run.config.loss.build())
    given = load(logits, task=task, optimizer=run.optimizer)
    np.testing.assert_array_equal(given.model.encode(images), run.model.encode(images))
    with pytest.raises(ValueError, match="give both `task` and `optimizer`"):
        load(logits, task=task)


def test_a_folder_is_taken_up_by_the_same_run_and_by_no_other(program, tmp_path):
    folder, result = program
    here = shutil.copytree(folder, tmp_path / "mine")
    again = training.fit(*small(), SETTINGS, folder=here)
    assert [row.test_loss for row in again.rows] == [row.test_loss for row in result.rows]
    longer = training.fit(*small(), dataclasses.replace(SETTINGS, epochs=3), folder=here)
    whole = training.fit(*small(), dataclasses.replace(SETTINGS, epochs=3))
    assert_same_bits(longer.params, whole.params)
    with pytest.raises(ValueError, match=r"holds another run.*adam"):
        training.fit(*small(1e-3), SETTINGS, folder=here)
    with pytest.raises(ValueError, match="must be new, empty or of this run"):
        training.fit(*small(), SETTINGS, folder=tmp_path)
    with pytest.raises(ValueError, match="leave out `saving`"):
        training.fit(*small(), folder=here, saving=training.Saving(training.Memory()))


def assert_same_bits(tree, other):
    jax.tree.map(np.testing.assert_array_equal, tree, other)
