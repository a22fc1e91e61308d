"""What a correct config means: calls with every argument bound."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from config_fakes import HEAD, RUN, run

from ae_optax.lab.config import dump
from ae_optax.lab.plans import TrainingSection

NESTED = (
    HEAD
    + """\
optimizer:
  chain:
    - {name: clip, max_norm: 1}
    - name: quotient
      numerator: {chain: []}
      denominator: {name: optax.sgd, learning_rate: 1, nesterov: true}
    - name: adam
      learning_rate:
        name: with_warmup
        schedule: {name: cosine, max_value: 1e-3, duration: 9}
        duration: 3
      mu_dtype: bfloat16
training: {epochs: 2}
"""
)


def test_defaults_are_filled_in(tmp_path):
    config = run(tmp_path, RUN)
    assert config.optimizer.name == "adam"
    assert config.optimizer.path == "optimizer"
    assert config.optimizer.arguments == {
        "learning_rate": 1e-3,
        "b1": 0.9,
        "eps": 1e-8,
        "mu_dtype": None,
        "weight_decay_mask": None,
    }
    assert config.training == TrainingSection(epochs=20, batch_size=128, seed=0)
    assert config.model.plain() == {
        "name": "mlp",
        "hidden": [32],
        "code": 8,
        "activation": "relu",
        "tied": False,
    }


def test_an_integer_becomes_a_float_where_one_is_asked_for(tmp_path):
    value = run(tmp_path, RUN, "optimizer.learning_rate=1").optimizer.arguments["learning_rate"]
    assert type(value) is float
    assert run(tmp_path, RUN).model.arguments["hidden"] == [32]


def test_parts_are_built_by_their_functions(tmp_path):
    config = run(tmp_path, RUN)
    assert config.data.build().name == "digits"
    assert config.model.build().name == "mlp"
    assert config.loss.build().name == "mse"
    params = {"w": jnp.ones(3)}
    tx, same = config.optimizer.build(), optax.adam(1e-3)
    with jax.numpy_dtype_promotion("standard"):
        ours, theirs = (t.update(params, t.init(params))[0] for t in (tx, same))
    np.testing.assert_array_equal(ours["w"], theirs["w"])


def test_calls_nest(tmp_path):
    config = run(tmp_path, NESTED)
    clip, quotient, adam = config.optimizer.arguments["transformations"]
    assert clip.arguments == {"max_norm": 1.0}
    assert quotient.arguments["numerator"].arguments == {"transformations": ()}
    assert quotient.path == "optimizer.chain[1]"
    assert adam.arguments["learning_rate"].arguments["schedule"].name == "cosine"
    assert isinstance(config.optimizer.build(), optax.GradientTransformation)


def test_an_argument_may_be_a_nested_call_of_any_kind(tmp_path):
    loss = "loss={name: penalised, loss: {name: mse}, note: {any: [1, no, {3: 4}]}}"
    config = run(tmp_path, RUN, loss)
    assert config.loss.build().name == "penalised mse"
    assert config.loss.arguments["note"] == {"any": [1, "no", {3: 4}]}
    assert config.loss.arguments["weights"] == (1.0, 0.5)


def test_an_opaque_argument_may_repeat_its_default(tmp_path):
    assert run(tmp_path, RUN, "optimizer={name: optax.lamb, learning_rate: 1, mask: null}")


@pytest.mark.parametrize("text", [RUN, NESTED])
def test_a_dumped_run_is_the_same_run(tmp_path, text):
    config = run(tmp_path, text)
    again = run(tmp_path, dump(config))
    assert again == config
    assert dump(again) == dump(config)


def test_a_dump_writes_every_default(tmp_path):
    config = run(tmp_path, RUN)
    assert dump(config).splitlines() == [
        "data: {name: digits, validation: 180, path: null}",
        "model:",
        "  name: mlp",
        "  hidden: [32]",
        "  code: 8",
        "  activation: relu",
        "  tied: false",
        "loss: {name: mse}",
        (
            "optimizer: {name: adam, learning_rate: 0.001, b1: 0.9, eps: 1.0e-08, mu_dtype: null, "
            "weight_decay_mask: null}"
        ),
        (
            "training: {epochs: 20, batch_size: 128, seed: 0, telemetry: false, "
            "on_non_finite: abort, patience: null,"
        ),
        "  max_minutes: null, mesh: null}",
        "checkpoints: {every_steps: null, every_minutes: 2.0, keep: 3}",
    ]
