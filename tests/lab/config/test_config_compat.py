"""The rules of other frameworks in a config, by names such as `compat.torch.adam`."""

import chex
import jax.numpy as jnp
import pytest
from config_fakes import mistakes

from ae_optax.compat import keras, torch
from ae_optax.lab.config import dump, kinds
from ae_optax.lab.plans import load_comparison, load_run

HEAD = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [4], code: 2}
loss: {name: mse}
"""


def load(folder, optimizer):
    path = folder / "x.yaml"
    path.write_text(f"{HEAD}optimizer: {optimizer}\n", encoding="utf-8")
    return load_run(path)


def first_step(optimizer):
    params = {"w": jnp.asarray([[1.0, -2.0], [3.0, 0.5]])}
    return optimizer.update(params, optimizer.init(params), params)[0]


COSINE = "{name: compat.keras.cosine_decay, initial_learning_rate: 0.1, decay_steps: 9}"
STEPS = "{name: compat.torch.step_lr, lr: 0.1, step_size: 3}"
CHAINED = f"{{name: compat.torch.chained_scheduler, schedulers: [{STEPS}, {STEPS}]}}"


@pytest.mark.parametrize(
    ("text", "desired"),
    [
        (
            "{name: compat.torch.sgd, lr: 0.1, momentum: 0.9, nesterov: true}",
            torch.sgd(0.1, momentum=0.9, nesterov=True),
        ),
        (
            "{name: compat.torch.adam, betas: [0.8, 0.9], amsgrad: true}",
            torch.adam(betas=(0.8, 0.9), amsgrad=True),
        ),
        (f"{{name: compat.torch.adamw, lr: {STEPS}}}", torch.adamw(0.1)),
        (f"{{name: sgd, learning_rate: {CHAINED}}}", torch.sgd(0.1)),
        (
            f"{{name: compat.keras.rmsprop, learning_rate: {COSINE}, clipnorm: 1.0}}",
            keras.rmsprop(0.1, clipnorm=1.0),
        ),
        (
            "{chain: [{name: clip, max_value: 1}, {name: compat.keras.sgd, learning_rate: 0.1}]}",
            keras.sgd(0.1, clipvalue=1.0),
        ),
    ],
    ids=["sgd", "adam", "step_lr", "chained", "cosine", "chain"],
)
def test_a_rule_of_another_framework_is_made_by_its_full_name(tmp_path, text, desired):
    config = load(tmp_path, text)
    made = first_step(config.optimizer.build())
    chex.assert_trees_all_close(made, first_step(desired), rtol=1e-5)
    again = tmp_path / "again.yaml"
    again.write_text(dump(config), encoding="utf-8")
    assert load_run(again) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{name: compat.torch.adma}",
            "unknown optimizer 'compat.torch.adma'. Did you mean 'compat.torch.adam'?",
        ),
        (
            "{name: compat.keras.cosine_decay}",
            "optimizer.name: unknown optimizer 'compat.keras.cosine_decay'.",
        ),
        (
            "{name: compat.torch.adam, learning_rate: 0.1}",
            "optimizer.learning_rate: compat.torch.adam has no argument 'learning_rate'.",
        ),
        (
            "{name: momentum, learning_rate: 1, decay: 0.9}",
            "optimizer.decay: momentum has no argument 'decay'. It is 'momentum' now.",
        ),
        ("{name: compat.torch.adam, lr: -1}", "optimizer.lr: `lr` must be at least 0 and finite"),
        (
            "{name: compat.torch.adam, lr: {name: compat.torch.step_rl, lr: 0.1, step_size: 3}}",
            "unknown schedule 'compat.torch.step_rl'. Did you mean 'compat.torch.step_lr'?",
        ),
        (
            "{name: compat.torch.muon}",
            "update with compat.torch.muon fails: `params['bias']` must be a matrix",
        ),
    ],
)
def test_a_mistake_in_one_is_told(tmp_path, text, message):
    lines = mistakes(lambda folder, text: load(folder, text), tmp_path, text)
    assert any(message in line for line in lines), lines


def test_its_rate_may_be_swept(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        HEAD
        + """\
compare:
  learning_rates: [1e-3, 1e-2]
  contenders:
    - optimizer: {name: compat.torch.adam, lr: swept}
    - optimizer: {name: compat.keras.adam, learning_rate: swept}
""",
        encoding="utf-8",
    )
    config = load_comparison(path)
    assert [c.label for c in config.contenders] == ["compat.torch.adam", "compat.keras.adam"]


def test_all_that_make_an_optimizer_or_a_schedule_can_be_named():
    names = {*kinds()["optimizer"].functions, *kinds()["schedule"].functions}
    for package, module in (("compat.torch", torch), ("compat.keras", keras)):
        functions = {name for name in module.__all__ if name[0].islower()} - {"import_state"}
        assert {f"{package}.{name}" for name in functions} == {
            name for name in names if name.startswith(package)
        }
