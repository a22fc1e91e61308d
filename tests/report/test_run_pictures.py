"""The pictures of a single run."""

import matplotlib.image
import numpy as np
import pytest

from ae_optax.report import loss_curve, reconstructions


def metrics(losses, validation=None):
    return [
        {"epoch": i, "step": 10 * i, "train_loss": x, "validation_loss": validation,
         "test_loss": x, "seconds": 0.1}
        for i, x in enumerate(losses, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [
        metrics([0.2, 0.1, 0.05], validation=0.1),
        metrics([0.2, 0.1, 0.05]),
        metrics([0.2]),
        metrics([0.2, None, float("nan")]),
        metrics([float("inf")]),
        metrics([0.0, -1.0]),
        [],
    ],
    ids=["all", "no validation", "one epoch", "diverged", "never finite", "not positive", "empty"],
)
def test_draws_a_loss_whatever_it_did(tmp_path, rows):
    loss_curve(rows, tmp_path / "loss.png")
    image = matplotlib.image.imread(tmp_path / "loss.png")
    assert image.std() > 0.01


def test_draws_originals_above_outputs(tmp_path):
    originals, outputs = np.ones((5, 4, 4), np.float32), np.zeros((5, 4, 4), np.float32)
    reconstructions(originals, outputs, tmp_path / "images.png")
    image = matplotlib.image.imread(tmp_path / "images.png")[..., 0]
    height, width = image.shape
    assert image[height // 4, width - 50] == 1
    assert image[3 * height // 4, width - 50] == 0


def test_draws_outputs_that_are_not_finite(tmp_path):
    reconstructions(np.ones((1, 8, 6)), np.full((1, 8, 6), np.nan), tmp_path / "images.png")
    assert (tmp_path / "images.png").stat().st_size > 100


def test_same_images_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        reconstructions(np.ones((2, 4, 4)), np.zeros((2, 4, 4)), tmp_path / name)
        loss_curve(metrics([0.2, 0.1]), tmp_path / f"loss-{name}")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "loss-a.png").read_bytes() == (tmp_path / "loss-b.png").read_bytes()
