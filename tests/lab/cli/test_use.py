"""What a trained model is used for, from the command line."""

import csv

import numpy as np
import pyarrow.parquet
import pytest
import safetensors
from matplotlib import image

from ae_optax.lab import data
from ae_optax.lab.cli import main
from ae_optax.lab.trained import load

RUN = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [], code: 3, output: linear}
loss: {name: bce_mean}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 512}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "run.yaml").write_text(RUN)
    assert main(["train", str(folder / "run.yaml"), "--out", str(folder / "out")]) == 0
    return str(folder / "out")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def images():
    return data.digits().test[:20]


@pytest.fixture
def file(images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    return "images.npy"


@pytest.fixture(scope="module")
def model(run):
    return load(run).model


def test_codes_are_written_in_three_kinds_of_file(run, file, images, model, tmp_path, capsys):
    codes = model.encode(images)
    for kind in ("npz", "csv", "parquet"):
        assert main(["encode", run, file, "--out", f"codes.{kind}"]) == 0
        assert f"20 codes of 3 numbers: codes.{kind}" in capsys.readouterr().out
    with np.load(tmp_path / "codes.npz") as held:
        np.testing.assert_array_equal(held["codes"], codes)
        assert held["names"][3] == "images.npy[3]"
    with (tmp_path / "codes.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert [row["name"] for row in rows[:2]] == ["images.npy[0]", "images.npy[1]"]
    table = pyarrow.parquet.read_table(tmp_path / "codes.parquet")
    for i in range(3):
        column = np.array([row[f"code_{i}"] for row in rows], np.float64)
        np.testing.assert_array_equal(column.astype(np.float32), codes[:, i])
        np.testing.assert_array_equal(table[f"code_{i}"].to_numpy(), codes[:, i])


@pytest.mark.parametrize(
    ("more", "n"), [((), 360), (("--set", "data.test=30"), 30), (("--split", "validation"), 180)]
)
def test_a_data_set_is_taken_by_its_name(run, more, n, tmp_path):
    assert main(["encode", run, "digits", *more, "--out", "codes.npz"]) == 0
    with np.load(tmp_path / "codes.npz") as held:
        assert held["codes"].shape == (n, 3)


def test_reconstructions_lie_beside_originals_with_the_error_of_each(
    run, images, model, tmp_path, capsys
):
    odd = np.concatenate([images, np.float32(np.indices((1, 8, 8)).sum(0) % 2)])
    np.savez(tmp_path / "odd.npz", train=odd[:5], test=odd[5:])
    assert main(["reconstruct", run, "odd.npz", "--out", "made"]) == 0
    with (tmp_path / "made" / "errors.csv").open() as text:
        rows = list(csv.reader(text))
    assert rows[0] == ["name", "mean_squared_error"]
    assert rows[1][0] == "test[15]"  # What is no digit stands first.
    errors = [float(error) for _, error in rows[1:]]
    assert errors == sorted(errors, reverse=True)
    with np.load(tmp_path / "made" / "reconstructions.npz") as held:
        np.testing.assert_array_equal(held["originals"], odd)
        np.testing.assert_array_equal(held["reconstructions"], model.reconstruct(odd))
        np.testing.assert_allclose(sorted(held["errors"], reverse=True), errors)
    sheet = image.imread(tmp_path / "made" / "worst.png")
    assert sheet.shape == (2 * 10, 16 * 10, 4)
    np.testing.assert_allclose(sheet[1:9, 1:9, 0], odd[-1], atol=1 / 255)
    assert "the highest" in capsys.readouterr().out
    assert main(["reconstruct", run, "odd.npz", "--out", "made"]) == 2


def test_images_of_a_folder_are_taken_in_order(run, images, tmp_path):
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    pixels = np.round(images[:3] * 255).astype(np.uint8)
    for name, one in zip(("a.png", "b/c.png", "z.png"), pixels, strict=True):
        image.imsave(folder / name, one, cmap="gray", vmin=0, vmax=255)
    assert main(["encode", run, "photos", "--out", "codes.npz"]) == 0
    with np.load(tmp_path / "codes.npz") as held:
        assert list(held["names"]) == ["a.png", "b/c.png", "z.png"]
        np.testing.assert_allclose(held["codes"], load(run).model.encode(pixels), atol=1e-5)
    assert main(["encode", run, "photos/z.png", "--out", "one.npz"]) == 0


def test_a_walk_is_drawn_from_one_image_to_another(run, file, images, model, tmp_path):
    walk = ["interpolate", run, file, "--first", "2", "--last", "-1", "--steps", "4", "--out"]
    assert main([*walk, "walk.npz"]) == 0
    with np.load(tmp_path / "walk.npz") as held:
        expected = model.interpolate(images[2], images[-1], 4)
        np.testing.assert_array_equal(held["images"], expected)
    assert main([*walk, "walk.png"]) == 0
    assert image.imread(tmp_path / "walk.png").shape[:2] == (10, 40)


def test_a_model_is_exported(run, tmp_path):
    for name in ("w.safetensors", "p.mlir", "p.jax"):
        assert main(["export", run, "--out", name]) == 0
    with safetensors.safe_open(tmp_path / "w.safetensors", "numpy") as held:
        assert "params/encoder/0/kernel" in held.keys()  # noqa: SIM118
        about = held.metadata()
    assert about["step"] == "4"
    assert "mlp_autoencoder" in about["config"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("p.mlir", "p.jax"))


def test_a_file_is_read_as_that_trained_on_labels_beside_it_or_not(images, tmp_path):
    numbers = 256 * np.tile(images, (5, 1, 1)) - 1
    np.savez(tmp_path / "x.npz", images=numbers, labels=np.arange(100) % 3)
    text = RUN.replace("digits, validation: 100, test: 100", "arrays, path: x.npz, SCALE")
    text = text.replace("SCALE", "black: -1, white: 255").replace("512", "32")
    (tmp_path / "x.yaml").write_text(text)
    assert main(["train", "x.yaml", "--out", "run"]) == 0
    np.save(tmp_path / "x.npy", numbers)
    for name in ("x.npz", "x.npy"):
        assert main(["encode", "run", name, "--out", "codes.npz"]) == 0
        with np.load(tmp_path / "codes.npz") as held:
            assert len(held["codes"]) == 100
            its = load(tmp_path / "run").model.encode(images)
            np.testing.assert_allclose(held["codes"][:20], its, rtol=1e-4, atol=1e-5)


MISTAKES = {
    "--set must be left out beside a file or folder, images.npy: it changes a config": [
        *("encode", "RUN", "images.npy", "--set", "data.white=255", "--out", "c.npz"),
    ],
    "two.npz: must hold one array beside labels, or some of train, validation and test": [
        *("encode", "RUN", "two.npz", "--out", "c.npz"),
    ],
    "only a variational model can be sampled": ["sample", "RUN", "--out", "s.png"],
    "`-n` must be at least 1, got 0.": ["sample", "RUN", "-n", "0", "--out", "s.png"],
    "must end in .npz, .csv or .parquet, got c.txt": ["encode", "RUN", "digits", "--out", "c.txt"],
    "there is no image 20: there are 20, from 0": [
        *("interpolate", "RUN", "images.npy", "--last", "20", "--out", "w.png"),
    ],
    "`path` must end in .mlir or .jax": ["export", "RUN", "--out", "model.onnx"],
    "nowhere/summary.json: No such file or directory": [
        *("encode", "nowhere", "digits", "--out", "c.npz"),
    ],
    "`images` must have the shape (n, 8, 8)": ["encode", "RUN", "wrong.npy", "--out", "c.npz"],
    "unknown data 'digit'. Did you mean 'digits'?": ["encode", "RUN", "digit", "--out", "c.npz"],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_told_in_one_line(message, run, file, tmp_path, capsys):
    del file
    np.save(tmp_path / "wrong.npy", np.zeros((2, 8, 9), np.float32))
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2), labels=np.zeros(2, int))
    words = [run if word == "RUN" else word for word in MISTAKES[message]]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_vectors_are_scaled_as_in_training_and_back(tmp_path):
    vectors = np.random.default_rng(0).normal(50, 10, (200, 6)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    text = RUN.replace("digits, validation: 100, test: 100", "arrays, path: v.npy")
    text = text.replace("test: 100", "test: 50").replace("bce_mean", "mse").replace("512", "8")
    text = text.replace("path: v.npy", "path: v.npy, standardize: features")
    (tmp_path / "v.yaml").write_text(text.replace("code: 3", "code: 6").replace("1,", "60,"))
    assert main(["train", "v.yaml", "--out", "run"]) == 0
    assert main(["reconstruct", "run", "v.npy", "--out", "made"]) == 0
    with np.load(tmp_path / "made" / "reconstructions.npz") as held:
        # As many numbers in the code as in a vector: it learns to give them back.
        assert np.abs(held["reconstructions"] - vectors).mean() < 3
    assert not (tmp_path / "made" / "worst.png").exists()
    # Of a data set, whose vectors are scaled already, the same is made.
    assert main(["encode", "run", "v.npy", "--out", "a.npz"]) == 0
    assert main(["encode", "run", "v.yaml", "--split", "train", "--out", "b.npz"]) == 0
    with np.load(tmp_path / "a.npz") as all_of_them, np.load(tmp_path / "b.npz") as some:
        near = np.abs(all_of_them["codes"][:, None] - some["codes"][None]).max(-1).min(0)
        assert near.max() < 1e-4
