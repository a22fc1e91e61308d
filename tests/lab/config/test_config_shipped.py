"""Shipped configs and real names: all load, and no mistyped key gets through."""

import inspect
import random
import re
from pathlib import Path

import optax
import pytest
import yaml
from config_fakes import mistakes

from ae_optax import schedules
from ae_optax.lab import plans
from ae_optax.lab.config import ConfigError, dump, kinds
from ae_optax.lab.plans import load_comparison, load_run, load_sweep
from ae_optax.lab.runs import run_id

CONFIGS = sorted((Path(__file__).parents[3] / "configs").rglob("*.yaml"))
NAMES = [str(path.relative_to(path.parents[1])) for path in CONFIGS]


def loader(path):
    """Return what reads a shipped config: that of the command in its comment."""
    command = re.search(r"Command:\s+ae-optax (\w+)", plans.description(path))[1]
    return {"train": load_run, "sweep": load_sweep, "compare": load_comparison}[command]


def keys(node, path=()):
    """Yield every key below ``node`` with the path of names that leads to it.

    Patterns of paths are none: only the model tells which of them are right.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if path[-1:] != ("groups",):
                yield (*path, key.value), key
            yield from keys(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from keys(item, path)


def mistyped(word):
    """Return ``word`` with every letter left out, every two neighbours swapped."""
    deletions = {word[:i] + word[i + 1 :] for i in range(len(word))}
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return sorted((deletions | swaps) - {word, ""})


def mutations(path):
    """Yield what reads a config, and: its text with one key mistyped, the key, and its place."""
    load, text = loader(path), path.read_text(encoding="utf-8")
    # Of items that are alike, as the contenders of a comparison, one stands for all.
    for key in dict(keys(yaml.compose(text))).values():
        for wrong in mistyped(key.value):
            changed = text[: key.start_mark.index] + wrong + text[key.end_mark.index :]
            place = key.start_mark.line + 1, key.start_mark.column + 1
            yield load, (changed, key.value, place)


def share_of_right_suggestions(folder, cases):
    """Assert that every case is rejected; return how often the right key is suggested.

    Args:
        folder: Where to write.
        cases: What reads it, and what :func:`mutations` yields.
    """
    right = []
    for load, (text, key, place) in cases:
        path = folder / "x.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load(path)
        found = [p for p in caught.value.problems if (p.line, p.column) == place]
        words = {key, *key.split(".")}  # Of a path, the part that is wrong.
        right.append(any(f"'{word}'?" in p.reason for word in words for p in found))
    return sum(right) / len(right)


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_a_shipped_config_loads_again_from_its_dump(tmp_path, path):
    load = loader(path)
    loaded = load(path)
    again = tmp_path / "x.yaml"
    again.write_text(dump(loaded), encoding="utf-8")
    assert load(again) == loaded


def test_a_run_keeps_its_name_from_version_to_version():
    """Whoever has kept results would make them all again."""
    digits = Path(__file__).parents[3] / "configs" / "digits"
    assert run_id(load_run(digits / "train_adam.yaml").identity()) == "7634525b8a64"


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_a_shipped_config_tells_question_command_and_result(path):
    text = plans.description(path)
    assert [word in text for word in ("Question:", "Command:", "Expect:")] == [True] * 3
    assert path.name in text


def test_some_mistyped_keys_are_rejected_and_the_right_one_suggested(tmp_path):
    cases = [case for path in CONFIGS for case in mutations(path)]
    sample = random.Random(0).sample(cases, 60)
    assert share_of_right_suggestions(tmp_path, sample) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_mistyped_keys_of_each_are_rejected_and_the_right_ones_suggested(tmp_path, path):
    cases = [*mutations(path)]
    sample = random.Random(0).sample(cases, min(len(cases), 100))
    assert share_of_right_suggestions(tmp_path, sample) >= 0.95


RUN = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [4], code: 2}
loss: {name: mse}
"""


def run(folder, optimizer):
    path = folder / "x.yaml"
    path.write_text(f"{RUN}optimizer: {optimizer}\n", encoding="utf-8")
    return load_run(path)


DEPRECATED = {"optax.optimistic_adam"}


def with_rate_only(functions):
    """Return the names of functions that a learning rate alone, or nothing, suffices for."""
    for name, function in functions.items():
        parameters = inspect.signature(function).parameters.values()
        required = {p.name for p in parameters if p.default is p.empty}
        if required <= {"learning_rate"} and name not in DEPRECATED:
            yield name, bool(required)


SIMPLE = list(with_rate_only(kinds()["optimizer"].functions))
# These need the loss in `update`, which the trainer does not pass on; add_noise a key; the Muon of
# PyTorch has matrices only; and some read what only `in_basis` knows.
UNFIT = {
    "compat.torch.muon",
    "factored_curvature",
    "squared_examples",
    "whiten",
    "optax.lbfgs",
    "optax.polyak_sgd",
    "optax.noisy_sgd",
    "optax.scale_by_polyak",
}


@pytest.mark.parametrize(("name", "needs_rate"), SIMPLE)
def test_an_optimizer_loads_by_name(tmp_path, name, needs_rate):
    text = f"{{name: {name}{', learning_rate: 1e-3' * needs_rate}}}"
    if name in UNFIT:
        (line,) = mistakes(lambda folder, text: run(folder, text), tmp_path, text)
        assert line.startswith("x.yaml:4:19: optimizer: ")
        return
    loaded = run(tmp_path, text)
    assert isinstance(loaded.optimizer.build(), optax.GradientTransformation)
    path = tmp_path / "y.yaml"
    path.write_text(dump(loaded), encoding="utf-8")
    assert load_run(path) == loaded


def test_names_come_from_the_public_names_only():
    known = kinds()
    assert {"adam", "quotient", "clip_by_global_norm", "optax.lamb"} <= {
        *known["optimizer"].functions
    }
    assert {"optax.cosine_decay_schedule", *schedules.__all__} <= {*known["schedule"].functions}
    assert {*known["data"].functions} == {
        *("arrays", "digits", "fashion_mnist", "from_arrays", "from_iterable"),
        *("from_generator", "from_source", "image_folder", "mnist", "planted", "stream"),
        "synthetic",
    }
    for kind in known.values():
        assert not any("State" in name or name.startswith("_") for name in kind.functions)
    assert "global_norm" not in known["optimizer"].functions  # It returns a number.
    assert "optax.l2_loss" not in known["optimizer"].functions
