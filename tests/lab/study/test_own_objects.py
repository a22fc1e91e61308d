"""A program's own functions and objects in the place of names: run, compared, swept, loaded."""

import math

import numpy as np
import optax
import pytest
from flax import nnx

import ae_optax as ao
from ae_optax.lab import data, load, losses, models, study
from ae_optax.lab.cli import main
from ae_optax.lab.config import ConfigError
from ae_optax.lab.plans import load_run

IMAGES = data.from_arrays(
    np.random.default_rng(0).random((60, 3, 3), np.float32), validation=10, test=10, name="mine"
)


class Net(nnx.Module):
    def __init__(self, shape, rngs, *, width: int = 4):
        self.down = nnx.Linear(math.prod(shape), width, rngs=rngs)
        self.up = nnx.Linear(width, math.prod(shape), rngs=rngs)

    def __call__(self, x):
        return self.up(nnx.relu(self.down(x.reshape(x.shape[0], -1)))).reshape(x.shape)


def scaled(
    learning_rate: optax.ScalarOrSchedule, *, factor: float = 1.0
) -> optax.GradientTransformation:
    return ao.chain(ao.scale(factor), ao.scale_by_learning_rate(learning_rate))


def three():
    return 3


TASK = {
    "data": IMAGES,
    "model": {"name": Net, "width": 3},
    "loss": {"name": losses.mse},
    "training": {"epochs": 2, "batch_size": 16},
}
CONTENDERS = [
    {"optimizer": {"name": ao.adam}},
    {"optimizer": {"name": scaled}, "sweep": {"factor": [0.5]}},
]
COMPARE = TASK | {
    "compare": {"seeds": range(2), "learning_rates": [1e-3, 1e-2], "contenders": CONTENDERS}
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_they_are_compared_reported_and_loaded_like_those_of_a_config(tmp_path):
    record = study.compare(COMPARE)
    assert [c.label for c in record.contenders] == ["adam", "scaled"]
    (folder,) = tmp_path.glob("runs/program-*")
    assert main(["report", str(folder)]) == 0
    assert main(["verify", str(folder)]) == 0
    model = load(folder, own_code=True, contender="scaled").model
    assert model.reconstruct(IMAGES.test).shape == IMAGES.test.shape
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")}
    again = study.compare(COMPARE)
    assert [c.best for c in again.contenders] == [c.best for c in record.contenders]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")} == made


@pytest.mark.slow
def test_they_are_swept_and_trained(tmp_path):
    optimizer = {
        "name": scaled,
        "learning_rate": ao.schedules.cosine_annealing(0.1, min_value=0.0, duration=6),
    }
    run = TASK | {"optimizer": optimizer}
    swept = study.sweep(run | {"sweep": {"over": {"optimizer.factor": np.array([0.5, 1.0])}}})
    assert [trial.values for trial in swept.record.trials]
    trained = study.train(run, ["training.epochs=1", "optimizer.factor=0.5"])
    assert [row.epoch for row in trained.rows] == [1]


def test_what_was_made_already_is_taken_as_it_is():
    made = TASK | {"model": models.mlp_autoencoder([4], 2), "loss": losses.mse()}
    config = load_run(made | {"optimizer": ao.adam(1e-2)})
    assert config.model.build() is made["model"]
    assert config.data.build() is IMAGES
    assert config.code() == ()
    assert config.plain()["data"] == {"name": f"object:mine-{IMAGES.fingerprint[:12]}"}
    other = load_run(made | {"optimizer": ao.adam(1e-2)})
    assert other.identity() != config.identity()  # Nobody can tell that they are the same.
    with pytest.raises(ConfigError, match=r"object:MlpAutoencoder-.* was made by a program"):
        load_run(config.plain())


def test_mistakes_are_named_like_those_of_a_file():
    wrong = TASK | {"optimizer": {"name": scaled, "learning_rate": 1, "facto": 2}}
    with pytest.raises(ConfigError, match=r"no argument 'facto'\. Did you mean 'factor'"):
        load_run(wrong)
    with pytest.raises(ConfigError, match=r"optimizer: .* must return an optimizer, got 3"):
        load_run(TASK | {"optimizer": {"name": three}})
