import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
import yaml
from flax import nnx

from ae_optax.lab import plans

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_its_programs_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # One of them leaves checkpoints.
    states = json.loads((PROJECT / "tests/parity/golden/torch_states.json").read_text())
    group = states["AdamW"]["state_dict"]["param_groups"][0] | {"params": [0]}
    state_dict = {"state": {}, "param_groups": [group]}
    scope = {
        "torch_optimizer": SimpleNamespace(state_dict=lambda: state_dict),
        "model": nnx.Linear(2, 2, rngs=nnx.Rngs(0)),
    }
    with jax.numpy_dtype_promotion("standard"):
        exec(compile(block, "README.md", "exec"), scope)


def test_its_first_program_is_adam():
    scope = {}
    exec(blocks("python")[0], scope)
    params, grads = {"w": np.float32([1.0, -2.0])}, {"w": np.float32([0.3, -0.1])}
    updates = []
    for tx in (scope["adam"], optax.adam(1e-3)):
        with jax.numpy_dtype_promotion("standard"):
            updates.append(tx.update(grads, tx.init(params), params)[0]["w"])
    # Optax's bias correction loses this much in float32.
    np.testing.assert_allclose(*updates, rtol=1e-5)


def test_its_config_is_a_run(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(blocks("yaml")[0])
    assert plans.load_run(path).training == plans.TrainingSection(100, 64, 0)


def sections(page):
    """Return the sections of a config in the text of a page; of alternatives, the first."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text))
    names = "|".join(field.name for field in dataclasses.fields(plans.RunConfig))
    return [
        re.sub(r"(\w+)(\|\w+)+", r"\1", span)
        for span in spans
        if re.match(rf"({names}): [{{\[]", span)
    ]


@pytest.mark.parametrize("section", sections(PROJECT / "configs/README.md"))
def test_a_section_of_a_config_that_is_shown_loads(section):
    name, _, value = section.partition(": ")
    plans.load_run(PROJECT / "configs/digits/train_adam.yaml", [f"{name}={value}"])


@pytest.mark.parametrize("page", ["README.md", "configs/README.md"])
def test_the_files_it_links_to_are_there(page):
    page = PROJECT / page
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).is_file(), target


def test_it_names_one_command_for_the_main_job_and_one_for_the_tests():
    commands = re.findall(r"^    (python3 -m venv .*)$", README, re.MULTILINE)
    assert len(commands) == 2
    assert "ae-optax compare configs/digits/compare_optimizers.yaml" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest")
    assert yaml.safe_load((PROJECT / "configs/digits/compare_optimizers.yaml").read_text())
