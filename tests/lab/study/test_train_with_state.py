"""A study gets a trained model in the state that its run ended in."""

from pathlib import Path

import jax
import numpy as np
import pytest

from ae_optax.lab import study, training
from ae_optax.lab.checkpoints import Checkpoints

CONFIG = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [4], code: 2}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 256}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_the_state_is_the_one_whose_loss_the_run_recorded_last(config):
    run, task, state = study.train_with_state(config, ["training.telemetry=true"])
    evaluate = jax.jit(training.make_evaluate(task))
    measured = float(evaluate(state, task.data.test)["loss"])
    np.testing.assert_allclose(measured, run.rows[-1].test_loss, rtol=1e-6)
    assert int(state.step) == run.summary.step > 0


@pytest.mark.slow
def test_a_run_that_is_done_is_not_done_again(config):
    first = study.train_with_state(config)
    (folder,) = Path("runs").glob("small-*")
    log = (folder / "metrics.jsonl").read_bytes()
    again = study.train_with_state(config)
    jax.tree.map(np.testing.assert_array_equal, first.state.params, again.state.params)
    assert (folder / "metrics.jsonl").read_bytes() == log
    assert Checkpoints(folder / "checkpoints").steps()[-1] == first.run.summary.step


def test_what_cannot_be_trained_ends_the_study(config, capsys):
    with pytest.raises(SystemExit):
        study.train_with_state(config, ["training.batch_size=100000"])
    assert "100000" in capsys.readouterr().err
