"""Groups of parameters in a config: a mapping from patterns to transformations."""

import jax.numpy as jnp
import numpy as np
import pytest
from config_fakes import HEAD

from ae_optax.lab.cli import main
from ae_optax.lab.config import ConfigError, dump
from ae_optax.lab.plans import load_comparison, load_run

HEAD = HEAD.replace("name: mlp,", "name: mlp_autoencoder,").replace(
    "{name: digits}", "{name: digits, validation: 100, test: 100}"
)
RUN = (
    HEAD
    + """\
optimizer:
  name: by_path
  groups:
    encoder/**: {name: freeze}
    "**/bias": {chain: [{name: adam, learning_rate: 1e-3}, {name: scale, factor: 0.1}]}
    "**": {name: adamw, learning_rate: 1e-3, weight_decay: 0.1}
training: {epochs: 1, batch_size: 256}
"""
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "x.yaml").write_text(text)
        return "x.yaml"

    return write


def test_patterns_are_keys_and_transformations_values_in_the_order_of_the_file(write):
    optimizer = load_run(write(RUN)).optimizer.build()
    params = {
        "decoder": {"bias": jnp.ones(2), "kernel": jnp.ones(2)},
        "encoder": {"bias": jnp.ones(2)},
    }
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_array_equal(updates["encoder"]["bias"], 0)
    np.testing.assert_allclose(updates["decoder"]["bias"], -1e-4, rtol=1e-5)
    np.testing.assert_allclose(updates["decoder"]["kernel"], -1.1e-3, rtol=1e-5)
    assert list(optimizer.arguments["groups"]) == ["encoder/**", "**/bias", "**"]


def test_a_resolved_config_means_the_same_in_the_same_order(write):
    config = load_run(write(RUN))
    again = load_run(write(dump(config)))
    assert again == config
    assert list(again.optimizer.arguments["groups"]) == ["encoder/**", "**/bias", "**"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("freeze", "freze", "optimizer.groups.encoder/**.name: unknown optimizer 'freze'."),
        ("factor: 0.1", "factor: x", "expected a number, got 'x'"),
        ("{name: freeze}", "3", "optimizer.groups.encoder/**: expected an optimizer"),
        ('"**/bias"', '"a//b"', "must have a name between slashes, got 'a//b'"),
        ("encoder/**: ", "7: ", "expected text, got 7"),
        ("weight_decay: 0.1", "weight_decay: -1", "`weight_decay` must be at least 0"),
    ],
)
def test_a_mistake_in_a_group_is_named_with_its_place(write, old, new, line):
    with pytest.raises(ConfigError) as caught:
        load_run(write(RUN.replace(old, new)))
    assert line in str(caught.value)


def test_the_rate_of_a_group_can_be_swept(write):
    text = (
        HEAD
        + """\
compare:
  learning_rates: {start: 1e-4, stop: 1, count: 5}
  contenders:
    - label: grouped
      optimizer:
        name: by_path
        groups:
          "**/bias": {name: freeze}
          "**": {name: adam, learning_rate: swept}
    - optimizer: {name: adam}
"""
    )
    contender = load_comparison(write(text)).contenders[0]
    (path,) = contender.swept()
    optimizer = contender.optimizer.build({path: jnp.float32(0.5)})
    params = {"bias": jnp.ones(2), "kernel": jnp.ones(2)}
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_allclose(updates["kernel"], -0.5, rtol=1e-5)


def test_it_trains_and_patterns_that_do_not_fit_the_model_are_one_line(write, capsys):
    assert main(["train", write(RUN), "--out", "good"]) == 0
    bad = RUN.replace("encoder/**", "enkoder/**")
    assert main(["train", write(bad), "--out", "bad"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert (
        "`groups` must have no pattern without a parameter of its own, got 'enkoder/**'"
        in lines[-1]
    )
    assert "'encoder/" in lines[-1]
