"""What a sweep amounts to: chosen on validation, the median over seeds, ends of ranges named."""

import math

import pytest
from left import leave_run

from ae_optax.lab import runs
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.sweeps import folder_of, sweep_record, sweep_table

TEXT = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 256}
sweep: {over: {optimizer.learning_rate: [1e-4, 1e-3, 1e-2]}, seeds: 3}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    return load_sweep(tmp_path / "x.yaml")


def leave(config, below, validation):
    """Write a record of every run: ``validation[trial][seed]``."""
    for trial, losses in zip(config.trials, validation, strict=True):
        for seed, loss in zip(config.seeds, losses, strict=True):
            if loss is None:
                continue
            status = "diverged" if loss == "diverged" else "done"
            value = math.nan if status == "diverged" else loss
            losses = {"train": 0.5, "validation": value, "test": 1 - value}
            leave_run(folder_of(trial.run(seed), below), status=status, **losses)


def rates(record):
    return [trial.values["optimizer.learning_rate"] for trial in record.trials]


def test_the_best_median_of_the_validation_losses_comes_first(tmp_path, config):
    leave(config, tmp_path, [[0.3, 0.3, 0.3], [0.1, 0.2, 0.9], [0.25, 0.25, 0.1]])
    record = sweep_record(config, tmp_path, {})
    assert rates(record) == [1e-3, 1e-2, 1e-4]
    assert record.trials[0].validation_loss == 0.2
    assert record.trials[0].test_loss == 0.8  # Reported, though it is the worst.
    assert record.criterion == "validation_loss"
    assert record.edges == {}


def test_runs_that_diverged_or_failed_count_as_infinitely_bad(tmp_path, config):
    leave(config, tmp_path, [["diverged", "diverged", 0.1], [None, 0.2, 0.4], [0.5, 0.5, 0.5]])
    name = folder_of(config.trials[1].run(0), tmp_path).name
    record = sweep_record(config, tmp_path, {name: "killed by SIGKILL"})
    assert rates(record) == [1e-3, 1e-2, 1e-4]
    assert record.trials[0].validation_loss == 0.4
    assert record.trials[2].validation_loss is None
    failed = record.trials[0].runs[0]
    assert (failed.status, failed.failure) == ("failed", "killed by SIGKILL")
    runs.write_sweep(tmp_path, record)
    assert runs.read_sweep(tmp_path) == record


@pytest.mark.parametrize(("best", "edges"), [(0, "lowest"), (1, None), (2, "highest")])
def test_a_best_value_at_an_end_is_named(tmp_path, config, best, edges):
    leave(config, tmp_path, [[0.1 if i == best else 0.2] * 3 for i in range(3)])
    found = sweep_record(config, tmp_path, {}).edges
    assert found == ({"optimizer.learning_rate": edges} if edges else {})


def test_two_numbers_and_words_have_no_ends(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    over = "sweep.over={optimizer.b2: [0.9, 0.99], training.batch_size: [16, 32]}"
    config = load_sweep(tmp_path / "x.yaml", [over])
    leave(config, tmp_path, [[0.1] * 3, [0.2] * 3, [0.3] * 3, [0.4] * 3])
    assert sweep_record(config, tmp_path, {}).edges == {}


def test_a_sweep_in_which_nothing_works_has_no_best(tmp_path, config):
    leave(config, tmp_path, [["diverged"] * 3] * 3)
    record = sweep_record(config, tmp_path, {})
    assert record.edges == {}
    assert rates(record) == [1e-4, 1e-3, 1e-2]


def test_without_validation_images_the_training_loss_decides(tmp_path, config):
    for trial, loss in zip(config.trials, (0.3, 0.1, 0.2), strict=True):
        for seed in config.seeds:
            leave_run(folder_of(trial.run(seed), tmp_path), train=loss)
    record = sweep_record(config, tmp_path, {})
    assert record.criterion == "train_loss"
    assert rates(record) == [1e-3, 1e-2, 1e-4]


def test_the_table_has_a_line_for_every_run(tmp_path, config):
    leave(config, tmp_path, [[0.3] * 3, [0.1, None, 0.1], [0.2] * 3])
    head, first, second, *rest = sweep_table(sweep_record(config, tmp_path, {})).splitlines()
    assert head == "optimizer.learning_rate,seed,status,train_loss,validation_loss,test_loss,run"
    names = [folder_of(config.trials[1].run(seed), tmp_path).name for seed in (0, 1)]
    assert first == f"0.001,0,done,0.5,0.1,0.9,{names[0]}"
    assert second == f"0.001,1,failed,,,,{names[1]}"
    assert len(rest) == 7


@pytest.mark.parametrize("text", ["", "[]", '{"status": "running"}', '{"status'])
def test_half_a_record_is_none(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    assert runs.find_run(tmp_path) is None
    assert runs.find_run(tmp_path / "nowhere") is None
