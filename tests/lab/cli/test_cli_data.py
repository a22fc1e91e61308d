"""``ae-optax data``: list, check, fetch."""

import numpy as np
import pytest
from marks import slow

from ae_optax.lab import data
from ae_optax.lab.cli import main
from ae_optax.lab.data import DataError, digits

CONFIG = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
"""
RUN = CONFIG + "optimizer: {name: adam, learning_rate: 1e-2}\n"
COMPARISON = CONFIG + "compare: {learning_rates: [1e-3], contenders: [{optimizer: {name: adam}}]}\n"


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(data._places, "ROOTS", ("data",))
    monkeypatch.delenv("AE_OPTAX_DATA", raising=False)


def test_list_says_what_there_is_and_where_it_is_found(capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line and line[0] not in " MFW"]
    assert names == [
        "arrays",
        "digits",
        "fashion_mnist",
        "image_folder",
        "mnist",
        "planted",
        "stream",
        "synthetic",
    ]
    assert lines[2].strip() == f"found: {digits().source}"
    assert [line.strip() for line in lines].count("not found") == 2
    assert any(line.startswith("MNIST was not found: no train-images") for line in lines)
    assert lines[-1].startswith("With a network, `ae-optax data fetch NAME`")


def test_check_shows_counts_ranges_and_the_fingerprint(capsys):
    assert main(["data", "check", "digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits: 1257 train, 180 validation, 360 test, 8×8"
    assert lines[1] == "train: pixels from 0 to 1, mean 0.3052, standard deviation 0.3759"
    assert f"fingerprint: {digits().fingerprint}" in lines
    assert f"attribution: {digits().attribution}" in lines
    assert not any(line.startswith("warning") for line in lines)


@pytest.mark.parametrize("text", [RUN, COMPARISON, CONFIG], ids=["run", "comparison", "half"])
def test_check_reads_the_data_of_any_config(tmp_path, capsys, text):
    (tmp_path / "x.yaml").write_text(text)
    assert main(["data", "check", "x.yaml", "--set", "data.test=7"]) == 0
    assert capsys.readouterr().out.startswith("digits: 1690 train, 100 validation, 7 test, 8×8\n")


def test_check_warns_of_test_images_that_are_trained_on(tmp_path, capsys):
    images = np.random.default_rng(0).random((4, 2, 2))
    images[1] = 0.5  # Of one value: such crops are alike and tell nothing.
    np.savez(tmp_path / "x.npz", train=images, test=images[1:3])
    assert main(["data", "check", "arrays", "--set", "data.path=x.npz"]) == 0
    shown = capsys.readouterr().out
    assert "warning: 1 of the test images are among the training images too" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digit"], "digit: data.name: unknown data 'digit'. Did you mean 'digits'?"),
        (["x.yaml"], "x.yaml: cannot be read: No such file or directory."),
        (["empty.yaml"], "empty.yaml:1:1: data: the section 'data' is missing."),
        (["arrays"], "arrays: data.path: arrays needs the argument 'path'."),
        (["digits", "--set", "data.tets=3"], "--set data.tets=3: data.tets: digits has no arg"),
        (["mnist"], "mnist: data: MNIST was not found: no train-images-idx3-ubyte[.gz] in any of"),
        (["arrays", "--set", "data.path=x.npy"], "arrays: data: x.npy was not found: looked at "),
        (["arrays", "--set", "data.path=nan.npy"], "arrays: data: {cwd}/nan.npy: pixels must be"),
        (["from_arrays"], "from_arrays: data.train: from_arrays needs the argument 'train'."),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path, capsys, arguments, message):
    (tmp_path / "empty.yaml").write_text("model: {name: mlp_autoencoder}\n")
    np.save(tmp_path / "nan.npy", np.full((20, 2, 2), np.nan))
    assert main(["data", "check", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message.format(cwd=tmp_path))


def test_fetch_says_where_the_set_lies_now(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(data, "fetch", lambda name, *, folder: folder / name)
    assert main(["data", "fetch", "mnist", "--to", "here"]) == 0
    assert capsys.readouterr().out == "mnist: intact in here/mnist\n"


def test_a_fetch_that_fails_is_told_in_one_line(monkeypatch, capsys):
    def fail(name, *, folder):
        raise DataError("MNIST's training images could not be fetched.")

    monkeypatch.setattr(data, "fetch", fail)
    assert main(["data", "fetch", "mnist"]) == 1
    assert capsys.readouterr().err == "MNIST's training images could not be fetched.\n"


def test_only_known_sets_can_be_fetched(capsys):
    assert main(["data", "fetch", "imagenet"]) == 2
    assert "must be one of mnist, fashion_mnist, got 'imagenet'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["image_folder", *slow("arrays", "synthetic")])
def test_a_model_trains_on_every_source(tmp_path, capsys, name):
    where = {"arrays": "x.npy", "image_folder": "images"}
    source = f"{{name: {name}" + (f", path: {where[name]}}}" if name in where else "}")
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    if name == "image_folder":
        image = pytest.importorskip("PIL.Image")
        (tmp_path / "images").mkdir()
        for i, array in enumerate(pixels):
            image.fromarray(array).save(tmp_path / "images" / f"{i}.png")
    text = RUN.replace("{name: digits, validation: 100, test: 100}", source)
    (tmp_path / "x.yaml").write_text(text + "training: {epochs: 1, batch_size: 8}\n")
    assert main(["train", "x.yaml", "--out", "out"]) == 0
    assert main(["train", "x.yaml", "--set", "training.batch_size=5000", "--out", "no"]) == 2
    assert "`batch_size` must be at most the" in capsys.readouterr().err
