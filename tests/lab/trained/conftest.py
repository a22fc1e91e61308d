import numpy as np
import pytest

from ae_optax.lab.cli import main
from ae_optax.lab.trained import load

LOGITS = """\
data: {name: arrays, path: images.npy, validation: 20, test: 20}
model: {name: mlp_autoencoder, hidden: [8], code: 3, output: linear}
loss: {name: bce_mean}
optimizer: {chain: [{name: adam, learning_rate: 1e-2}, {name: average_params, decay: 0.5}]}
training: {epochs: 2, batch_size: 32, telemetry: true}
"""
VARIATIONAL = """\
data: {name: digits, validation: 100, test: 1600}
model: {name: variational_autoencoder, hidden: [8], code: 3, output: linear}
loss: {name: negative_elbo, likelihood: {name: bce_sum}}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 97}
"""


def made(folder, config):
    """Return the folder of a run whose data are not there any more."""
    images = folder / "images.npy"
    np.save(images, np.random.default_rng(0).random((120, 5, 4), np.float32))
    text = config.replace("path: images.npy", f"path: {images}")
    (folder / "run.yaml").write_text(text)
    assert main(["train", str(folder / "run.yaml"), "--out", str(folder / "out")]) == 0
    images.rename(folder / "kept.npy")
    return folder / "out"


@pytest.fixture(scope="session")
def logits(tmp_path_factory):
    return made(tmp_path_factory.mktemp("logits"), LOGITS)


@pytest.fixture(scope="session")
def variational(tmp_path_factory):
    return load(made(tmp_path_factory.mktemp("variational"), VARIATIONAL))


@pytest.fixture(scope="session")
def images(logits):
    return np.load(logits.parent / "kept.npy")
