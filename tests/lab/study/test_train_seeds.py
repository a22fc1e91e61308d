"""Runs with the states in which they end: those of the same runs elsewhere."""

import jax
import pytest

from ae_optax.lab import training
from ae_optax.lab.plans import load_run
from ae_optax.lab.study import train_seeds

RUN = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
metrics: [{name: psnr}]
optimizer: {name: adam, learning_rate: 1e-2}
corruption: {name: gaussian_noise, strength: 0.1}
training: {epochs: 2, batch_size: 256, seed: 7}
"""


@pytest.mark.slow
def test_they_are_the_same_runs_as_alone(tmp_path):
    (tmp_path / "x.yaml").write_text(RUN)
    config = load_run(tmp_path / "x.yaml")
    task, results = train_seeds(config, [7, 8])
    evaluate = jax.jit(training.make_evaluate(task))
    found = [float(evaluate(result.state, task.data.test)["loss"]) for result in results]
    alone = training.fit(task, config.optimizer.build(), config.training)
    # rtol: one program for an epoch and one for a run add in another order.
    assert found[0] == pytest.approx(alone.rows[-1].test_loss, rel=1e-4)
    assert found[1] != pytest.approx(found[0], rel=1e-3)
    assert results[0].rows["test_psnr"].shape == (2,)


def test_data_that_were_made_before_are_used(tmp_path):
    (tmp_path / "x.yaml").write_text(RUN)
    config = load_run(tmp_path / "x.yaml")
    data = config.data.build()
    task, _ = train_seeds(config, [], data=data)
    assert task.data is data
