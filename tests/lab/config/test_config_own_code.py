"""One's own code in a config: bound like any other, part of the run, and run if it is named."""

import hashlib
import importlib.metadata
import os
import shutil
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from config_fakes import COMPARISON, HEAD, KINDS, RUN, comparison, mistakes, run, write

from ae_optax.lab import config, load, runs
from ae_optax.lab.cli import main
from ae_optax.lab.config import ConfigError, dump
from ae_optax.lab.plans import load_comparison, load_data, load_run, load_sweep

OWN = """\
import jax.numpy as jnp
import optax

RATE = 2.0

def scaled(learning_rate: optax.ScalarOrSchedule, *, factor: float = 1.0):
    if factor < 0:
        raise ValueError(f"`factor` must be at least 0, got {factor!r}.")
    return optax.chain(optax.scale(factor), optax.scale_by_learning_rate(learning_rate))

def halving(peak: float) -> optax.Schedule:
    return lambda step: peak * 0.5 ** jnp.asarray(step, jnp.float32)

def wrong():
    return 3
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def optimizer(text):
    return f"{HEAD}optimizer: {text}\n"


def test_a_function_of_a_file_is_bound_by_its_signature(own):
    rate = "{name: './own.py:halving', peak: 4}"
    made = run(own, optimizer(f"{{name: ./own.py:scaled, learning_rate: {rate}}}"))
    assert made.optimizer.plain() == {
        "name": "./own.py:scaled",
        "learning_rate": {"name": "./own.py:halving", "peak": 4.0},
        "factor": 1.0,
    }
    tx = made.optimizer.build()
    updates, _ = tx.update({"w": jnp.ones(2)}, tx.init({"w": jnp.ones(2)}))
    np.testing.assert_array_equal(updates["w"], [-4, -4])


def test_the_code_is_part_of_what_a_run_is(own):
    text = optimizer("{name: ./own.py:scaled, learning_rate: 1}")
    before = run(own, text)
    sha = hashlib.sha256(OWN.encode()).hexdigest()
    assert before.identity()["code"] == {"./own.py": sha}
    assert "code" not in run(own, RUN).identity()
    # Where the file lies does not count.
    (own / "deep").mkdir()
    (own / "deep" / "own.py").write_text(OWN)
    moved = run(own, text.replace("./own.py", "deep/own.py"))
    assert (moved, moved.identity()) == (before, before.identity())
    (own / "own.py").write_text(f"{OWN}\n# changed\n")
    assert runs.run_id(run(own, text).identity()) != runs.run_id(before.identity())


def test_a_dumped_config_runs_the_code_it_was_made_of_and_no_other(own):
    before = run(own, optimizer("{name: ./own.py:scaled, learning_rate: 1}"))
    text = dump(before)
    assert run(own, text) == before
    (own / "own.py").write_text("raise SystemExit('this ran')")
    (line,) = mistakes(run, own, text)
    assert line.startswith("x.yaml:9:19: optimizer.name: ")
    assert "own.py is not run: its SHA-256 is " in line


def test_a_module_and_an_entry_point_are_found_by_name(own, monkeypatch):
    monkeypatch.syspath_prepend(str(own))
    (own / "own_module.py").write_text(OWN)
    made = run(own, optimizer("{name: own_module:scaled, learning_rate: 1}"))
    assert [code.name for code in made.code()] == ["own_module"]
    point = importlib.metadata.EntryPoint("shrinking", "own_module:scaled", "ae_optax.optimizers")
    points = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda: points)
    known = config.kinds.__wrapped__()
    assert "shrinking" not in known["optimizer"].functions
    text = optimizer("{name: shrinking, learning_rate: 1}").replace("mlp", "mlp_autoencoder")
    named = load_run(write(own, text), kinds=known)
    assert named.optimizer.plain()["name"] == "shrinking"
    assert named.code() == made.code()
    sys.modules.pop("own_module")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("./own.py:scald", "./own.py has no function 'scald'. Did you mean 'scaled'?"),
        ("./own.py:RATE", "./own.py has no function 'RATE'. It has: scaled, halving, wrong."),
        ("./gone.py:scaled", "gone.py cannot be read: No such file or directory."),
        ("./pipe.py:f", "pipe.py must be a file, got a pipe or a device."),
        ("./bad.py:f", "bad.py cannot be run: ZeroDivisionError: division by zero"),
        ("./leaves.py:f", "leaves.py cannot be run: SystemExit: 3"),
        ("./syntax.py:f", "syntax.py cannot be run: SyntaxError: "),
        ("no_such_module:f", "there is no module 'no_such_module', here or installed."),
        ("a b:c", "expected file.py:function or module:function, got 'a b:c'."),
    ],
)
def test_what_cannot_be_found_or_run_is_one_line(own, name, line):
    os.mkfifo(own / "pipe.py")
    (own / "bad.py").write_text("1 / 0")
    (own / "leaves.py").write_text("raise SystemExit(3)")
    (own / "syntax.py").write_text("def f(:")
    (found,) = mistakes(run, own, optimizer(f"{{name: '{name}', learning_rate: 1}}"))
    assert found.startswith("x.yaml:4:19: optimizer.name: ")
    assert line in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "{name: ./own.py:scaled, learning_rate: 1, facto: 1}",
            (
                "x.yaml:4:54: optimizer.facto: ./own.py:scaled has no argument 'facto'. "
                "Did you mean 'factor'? Arguments: learning_rate, factor."
            ),
        ),
        (
            "{name: ./own.py:scaled, learning_rate: 1, factor: -1}",
            "x.yaml:4:62: optimizer.factor: `factor` must be at least 0, got -1.0.",
        ),
        (
            "{name: ./own.py:wrong}",
            "x.yaml:4:19: optimizer: ./own.py:wrong must return an optimizer, got 3.",
        ),
    ],
)
def test_arguments_and_results_are_checked_like_any_other(own, text, line):
    assert mistakes(run, own, optimizer(text)) == [line]


def test_data_of_ones_own_are_made_wherever_a_config_may_stand_for_data(own):
    text = "from ae_optax.lab.data import digits\ndef few():\n    return digits(test=7)\n"
    (own / "few.py").write_text(text)
    (own / "x.yaml").write_text("data: {name: ./few.py:few}\n")
    assert load_data(own / "x.yaml").build().sizes["test"] == 7


def test_two_files_of_one_name_are_refused(own):
    (own / "deep").mkdir()
    shutil.copy(own / "own.py", own / "deep")
    own_and = "{name: ./own.py:scaled, learning_rate: 1}, {name: ./deep/own.py:scaled"
    text = f"{{chain: [{own_and}, learning_rate: 1}}]}}"
    (line,) = mistakes(run, own, optimizer(text))
    assert "two files are called own.py" in line


def test_its_numbers_are_compared_and_swept_like_any_other(own):
    text = COMPARISON + "    - {optimizer: {name: ./own.py:scaled}, sweep: {factor: [1]}}\n"
    compared = comparison(own, text)
    assert [code.name for code in compared.code()] == ["./own.py"]
    assert compared.contenders[2].label == "scaled"
    assert load_comparison(write(own, dump(compared)), kinds=KINDS) == compared
    names = "sweep: {over: {optimizer.name: [./own.py:scaled, adam]}}\n"
    swept = load_sweep(write(own, RUN + names), kinds=KINDS)
    assert [bool(trial.config.code()) for trial in swept.trials] == [True, False]
    assert load_sweep(write(own, dump(swept)), kinds=KINDS).trials == swept.trials


FLAX = """
from flax import linen, nnx

class Mlp(nnx.Module):
    def __init__(self, rngs: nnx.Rngs, shape, code: int, *, bias: bool = True):
        size = shape[0] * shape[1]
        self.encoder = nnx.Linear(size, code, use_bias=bias, rngs=rngs)
        self.decoder = nnx.Linear(code, size, use_bias=bias, rngs=rngs)

    def __call__(self, x):
        return self.decode(self.encoder(x.reshape(len(x), -1))).reshape(x.shape)

    def decode(self, code):
        return self.decoder(code)

class Linen(linen.Module):
    code: int
    bias: bool = True

    @linen.compact
    def __call__(self, x):
        code = linen.Dense(self.code, use_bias=self.bias)(x.reshape(len(x), -1))
        return linen.Dense(x[0].size, use_bias=self.bias)(code).reshape(x.shape)

def instance(code: int, bias: bool = True):
    return Linen(code, bias=bias)
"""
TRAINED = """\
data: {{name: digits}}
model: {{name: "./flax_models.py:{name}", code: 3}}
loss: {{name: mse}}
optimizer: {{name: adam, learning_rate: 1e-3}}
training: {{epochs: 1, batch_size: 512}}
"""


@pytest.mark.parametrize("name", ["Mlp", "Linen", "instance"])
def test_a_flax_module_is_a_model_and_trains(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flax_models.py").write_text(FLAX)
    path = write(tmp_path, TRAINED.format(name=name))
    made = load_run(path).model
    assert made.arguments == {"code": 3, "bias": True}
    if name != "Mlp":
        assert made.build().init is not None
        return
    assert made.build().decode is not None
    assert main(["train", str(path), "--out", "run"]) == 0
    assert (tmp_path / "run" / "flax_models.py").read_text() == FLAX
    # The copy is enough to take the run up, and nothing else makes of it another.
    (tmp_path / "flax_models.py").unlink()
    assert main(["train", "--resume", "run"]) == 0
    assert main(["report", "run"]) == 0
    # Whoever loads a run says whether its code may be run.
    with pytest.raises(ConfigError, match=r"^\S+: code: names ./flax_models.py, which is not"):
        load("run")
    images = np.zeros((2, 8, 8), np.float32)
    assert load("run", own_code=True).model.reconstruct(images).shape == images.shape
    reconstruct = ["reconstruct", "run", "digits", "--out", "made"]
    assert main(reconstruct) == 2
    assert "on the command line `--own-code`" in capsys.readouterr().err
    assert main([*reconstruct, "--own-code"]) == 0


def test_other_code_is_another_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, TRAINED.format(name="Mlp"))
    for change in ("", "# Otherwise."):
        (tmp_path / "flax_models.py").write_text(FLAX + change)
        code = main(["train", str(path), "--out", "run"])
    assert code == 2
    shas = [hashlib.sha256((FLAX + c).encode()).hexdigest()[:12] for c in ("", "# Otherwise.")]
    assert capsys.readouterr().err == (
        f"run holds another run: ./flax_models.py is {shas[0]}… there and {shas[1]}… here. "
        "Name another with --out.\n"
    )


def test_a_model_of_ones_own_that_cannot_be_run_is_blamed_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flax_models.py").write_text(FLAX.replace("Linear(code,", "Linear(code + 1,"))
    (tmp_path / "run.yaml").write_text(TRAINED.format(name="Mlp"))
    assert main(["train", "run.yaml", "--out", "run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("run.yaml:2:15: model: dot_general requires")


def test_code_that_lies_in_a_folder_is_not_run_for_another_config(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "evil.py").write_text("open('ran', 'w')\ndef f(): pass")
    text = TRAINED.format(name="evil").replace("flax_models", "evil")
    (tmp_path / "run" / "config.yaml").write_text(text)
    path = write(
        tmp_path,
        TRAINED.format(name="")
        .replace('"./flax_models.py:"', "mlp_autoencoder")
        .replace("code: 3", "hidden: [4], code: 3"),
    )
    assert main(["train", str(path), "--out", "run"]) == 2
    assert "evil.py is not run" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
