"""Machines that lack something: a home folder, a device, memory."""

import os
import pwd

import jax
import numpy as np
import pytest

from ae_optax.lab import training
from ae_optax.lab.cli import main
from ae_optax.lab.cli._machine import use_compilation_cache

RUN = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [], code: 2}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 512}
"""


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(RUN)


@pytest.fixture
def nobody(monkeypatch):
    """Be an account that the machine does not know, without HOME."""

    def unknown(*_):
        raise KeyError("uid not found")

    for variable in ("HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)


@pytest.fixture
def cache(monkeypatch):
    """What JAX is told of its cache."""
    told = {}
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr(jax.config, "update", told.__setitem__)
    return told


def error(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.usefixtures("nobody")
def test_without_home_and_account_runs_are_made_and_data_are_listed(cache, capsys):
    assert main(["train", "run.yaml", "--out", "out"]) == 0
    assert main(["data", "list"]) == 0
    assert "jax_compilation_cache_dir" not in cache
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("nobody")
def test_a_home_that_is_not_there_is_named(capsys, monkeypatch):
    with pytest.raises(SystemExit) as ended:
        main(["train", "run.yaml", "--out", "~/out"])
    assert ended.value.code == 2
    assert "argument --out: there is no such home folder: ~/out" in capsys.readouterr().err
    monkeypatch.setenv("AE_OPTAX_COMPILATION_CACHE", "~/cache")
    assert main(["train", "run.yaml"]) == 2
    assert error(capsys) == "AE_OPTAX_COMPILATION_CACHE: there is no such home folder: ~/cache."


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, cache):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AE_OPTAX_COMPILATION_CACHE", "~/cache")
    use_compilation_cache()
    assert cache["jax_compilation_cache_dir"] == str(tmp_path / "home" / "cache")
    monkeypatch.setenv("AE_OPTAX_COMPILATION_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # Which its standard passes over.
    use_compilation_cache()
    assert cache["jax_compilation_cache_dir"] == str(tmp_path / "home" / ".cache/ae_optax/xla")
    monkeypatch.setenv("AE_OPTAX_COMPILATION_CACHE", "off")
    assert main(["train", "run.yaml", "--out", "~/out"]) == 0
    assert (tmp_path / "home" / "out" / "summary.json").exists()
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("command", ["train", "compare", "sweep"])
def test_a_device_that_is_not_there_is_no_mistake_of_the_config(command, monkeypatch, capsys):
    def devices():
        raise RuntimeError("Unable to initialize backend 'tpu':\nno TPU")

    monkeypatch.setattr(jax, "devices", devices)
    assert main([command, "run.yaml"]) == 2
    assert error(capsys).endswith(": Unable to initialize backend 'tpu': no TPU")


def test_a_model_larger_than_the_memory_is_refused_with_both_sizes(capsys):
    assert main(["train", "run.yaml", "--set", "model.hidden=[1000000000]"]) == 2
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    assert error(capsys) == (
        "run.yaml:2:15: model: parameters and gradient alone need 1072 GB of memory, "
        f"there are {total:.4g} GB."
    )


@pytest.mark.parametrize("device", [True, False])
def test_memory_that_ends_is_told_in_one_line(device, monkeypatch, capsys):
    def fit(*_, **__):
        if device:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory, 5 bytes.\nmore")
        np.zeros(2**50)

    monkeypatch.setattr(training, "fit", fit)
    assert main(["train", "run.yaml"]) == 1
    line = error(capsys)
    assert line.startswith("out of memory: ")
    assert line.endswith("Take a smaller model or batch_size.")
