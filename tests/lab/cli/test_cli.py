import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import ae_optax
from ae_optax.lab import load, runs
from ae_optax.lab.cli import _task, main
from ae_optax.lab.config import dump
from ae_optax.lab.plans import load_comparison

RUN = """\
# Question: does it run?
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 256}
"""

COMPARED = {
    "comparison.json", "config.yaml", "epochs.csv", "images.npz", "lock", "report.html",
    "runs.csv", "table.csv",
}  # fmt: skip

COMPARISON = """\
# Question: which is better?
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
training: {epochs: 2, batch_size: 256}
compare:
  seeds: 2
  learning_rates: {start: 1e-3, stop: 1e-1, count: 3}
  contenders:
    - optimizer: {name: adam}
    - optimizer: {name: sgd}
      learning_rates: [1, 10, 100]
"""


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AE_OPTAX_DATA", raising=False)


@pytest.fixture
def config(tmp_path):
    def write(text, name="run.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return write


def lines_of(capsys):
    return capsys.readouterr().err.splitlines()


def losses_of(folder):
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(row)["test_loss"] for row in rows]


def test_train_fills_a_run_folder(config, tmp_path, capsys):
    assert main(["train", config(RUN), "--set", "training.seed=3", "--out", "out"]) == 0
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    files = {"config.yaml", "metrics.jsonl", "summary.json", "images.npz", "lock", "report.html"}
    assert names == {"checkpoints", *files}
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 7), (2, 14)]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["status"] == "done"
    assert summary["last"]["test_loss"] == rows[-1]["test_loss"]
    resolved = yaml.safe_load((out / "config.yaml").read_text())
    assert resolved["training"]["seed"] == 3
    assert resolved["optimizer"]["b2"] == 0.999
    printed = capsys.readouterr().out
    assert "epoch 2/2" in printed
    assert re.search(
        r"epoch 2/2  train 0\.\d+  test 0\.\d+  rate 0\.01  \S+ steps/s  \S+ im", printed
    )
    assert "Report: out/report.html" in printed


def test_the_resolved_config_repeats_the_run_exactly(config, tmp_path):
    assert main(["train", config(RUN), "--out", "a"]) == 0
    assert main(["train", "a/config.yaml", "--out", "b"]) == 0
    first, second = (losses_of(tmp_path / folder) for folder in "ab")
    assert first == second


def test_runs_go_below_runs_by_default(config, tmp_path):
    assert main(["train", config(RUN)]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch("run-[0-9a-f]{12}", folder.name)


def test_a_run_that_diverges_says_so(config, tmp_path, capsys):
    text = RUN.replace("code: 4", "code: 4, output: linear").replace("adam", "sgd")
    assert main(["train", config(text), "--set", "optimizer.learning_rate=1e9", "--out", "o"]) == 3
    assert "diverged in step" in capsys.readouterr().out
    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert summary["status"] == "diverged"
    assert "step" in summary["fault"]
    assert summary["step"] < 14


def test_compare_leaves_a_report(config, tmp_path, capsys):
    assert main(["compare", config(COMPARISON), "--out", "out"]) == 0
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == COMPARED
    record = json.loads((out / "comparison.json").read_text())
    assert [c["label"] for c in record["contenders"]] == ["adam", "sgd"]
    assert [len(c["runs"]) for c in record["contenders"]] == [6, 6]
    assert record["contenders"][0]["optimizer"]["learning_rate"] == "swept"
    assert record["contenders"][0]["state_bytes_per_parameter"] == pytest.approx(8, rel=0.05)
    assert record["question"].startswith("Question: which is better?")
    with np.load(out / "images.npz") as images:
        assert images["originals"].shape == (10, 8, 8)
    assert "12 runs in" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").iterdir())) == 12
    for contender in record["contenders"]:
        run = load("out", contender=contender["label"])
        assert run.folder.name == contender["best"]["run"]
        assert run.config.optimizer.name == contender["label"]
    assert load("out").step == run.step
    with pytest.raises(ValueError, match=r"`contender` must be one with a result, 'adam', 'sgd'"):
        load("out", contender="adan")


def test_a_comparison_that_is_repeated_makes_nothing_anew(config, tmp_path):
    text = config(COMPARISON.replace("seeds: 2", "seeds: 1"))
    assert main(["compare", text]) == 0
    (folder,) = (tmp_path / "runs").glob("run-*")
    assert re.fullmatch("run-[0-9a-f]{12}", folder.name)
    summaries = sorted((tmp_path / "runs").glob("*/summary.json"))
    written = [path.stat().st_mtime_ns for path in summaries]
    table = (folder / "table.csv").read_bytes()
    assert len(summaries) == 6
    (folder / "table.csv").unlink()
    assert main(["compare", text]) == 0
    assert (folder / "table.csv").read_bytes() == table
    assert [path.stat().st_mtime_ns for path in summaries] == written


def test_a_folder_with_another_comparison_is_refused(config, tmp_path, capsys):
    text = COMPARISON.replace("seeds: 2", "seeds: 1")
    (tmp_path / "out").mkdir()
    comparison = load_comparison(config(text))
    (tmp_path / "out" / "config.yaml").write_text(dump(comparison))
    assert main(["compare", config(text), "--set", "training.epochs=3", "--out", "out"]) == 2
    (line,) = lines_of(capsys)
    assert line.startswith("out holds another run: training.epochs is 2 there and 3 here")


def test_a_comparison_is_whole_whatever_becomes_of_its_config_meanwhile(config, monkeypatch):
    path = config(COMPARISON)
    monkeypatch.setattr("ae_optax.lab.cli._compare.build", removing(path))
    assert main(["compare", path, "--out", "c"]) == 0
    assert runs.read_comparison(Path("c")).question == "Question: which is better?"


def removing(path):
    """Return what makes the task of a config, whose file is gone then."""

    def build(config):
        Path(path).unlink()
        return _task.build(config)

    return build


def test_a_comparison_in_which_all_diverge_says_so(config, capsys):
    text = COMPARISON.replace("code: 4", "code: 4, output: linear")
    text = text.replace("{start: 1e-3, stop: 1e-1, count: 3}", "[1e9, 1e10]")
    text = text.replace("[1, 10, 100]", "[1e9, 1e10]").replace("seeds: 2", "seeds: 1")
    assert main(["compare", config(text), "--out", "out"]) == 3
    assert "Report: out/report.html" in capsys.readouterr().out


def test_all_mistakes_of_a_config_are_named_at_once(config, capsys):
    text = RUN.replace("adam", "adm").replace("hidden", "hiden").replace("epochs: 2", "epochs: no")
    assert main(["train", config(text)]) == 2
    lines = lines_of(capsys)
    assert any(line.startswith("run.yaml:5:19: optimizer.name: unknown") for line in lines)
    assert any("model.hiden" in line and "'hidden'" in line for line in lines)
    assert any(line.startswith("run.yaml:6:20: training.epochs") for line in lines)
    assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_config_that_is_not_there_is_named(command, capsys):
    assert main([command, "nowhere.yaml"]) == 2
    (line,) = lines_of(capsys)
    assert "nowhere.yaml" in line


def test_data_that_are_not_there_are_asked_for(config, capsys):
    text = RUN.replace("{name: digits, validation: 100, test: 100}", "{name: mnist, path: gone}")
    assert main(["train", config(text)]) == 2
    assert "gone" in capsys.readouterr().err


def test_a_batch_larger_than_the_set_is_refused(config, capsys):
    path = config(RUN.replace("batch_size: 256", "batch_size: 5000"))
    assert main(["train", path]) == 2
    (line,) = lines_of(capsys)
    assert ": training.batch_size: `batch_size` must be at most the 1597 training images" in line
    assert re.match(rf"{re.escape(path)}:\d+:\d+: ", line)


def test_a_loss_of_logits_on_squashed_output_is_refused(config, capsys):
    assert main(["train", config(RUN.replace("mse", "bce_mean"))]) == 2
    (line,) = lines_of(capsys)
    assert line.startswith("run.yaml:4:14: loss: `loss` must fit the model")
    assert "output: linear" in line


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_folder_in_use_is_refused(command, config, tmp_path, capsys):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").write_text("")
    text = RUN if command == "train" else COMPARISON
    assert main([command, config(text), "--out", "used"]) == 2
    (line,) = lines_of(capsys)
    assert line == "used: the output folder must be new or empty. Name another."


def test_an_output_that_is_a_file_is_refused_before_training(config, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["train", config(RUN), "--out", "file"]) == 2
    (line,) = lines_of(capsys)
    assert line.startswith("file: cannot write here")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_without_permission_is_refused_before_training(config, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["train", config(RUN), "--out", "locked/x"]) == 2
    assert "locked/x: cannot write here: Permission denied" in capsys.readouterr().err


SWEEP = (
    RUN
    + """\
sweep:
  over: {optimizer.learning_rate: {start: 1e-3, stop: 1e-1, count: 3}}
  seeds: 2
"""
)


def test_sweep_makes_only_the_runs_that_are_missing(config, tmp_path, capsys):
    assert main(["sweep", config(SWEEP, "s.yaml")]) == 0
    printed = capsys.readouterr()
    assert "6 runs, 0 failed" in printed.out
    assert printed.err.startswith(
        "warning: optimizer.learning_rate: the best value is the highest tried."
    )
    (folder,) = (tmp_path / "runs").glob("s-*")
    assert {p.name for p in folder.iterdir()} == {
        "config.yaml", "lock", "report.html", "sweep.json", "table.csv",
    }  # fmt: skip
    best = json.loads((folder / "sweep.json").read_text())["trials"][0]["values"]
    assert load(folder).config.optimizer.plain()["learning_rate"] == best["optimizer.learning_rate"]
    table = (folder / "table.csv").read_text()
    summaries = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").glob("*/summary.json")}
    assert len(summaries) == 6
    first = next(iter(summaries))
    first.unlink()
    assert main(["sweep", "s.yaml"]) == 0
    assert (folder / "table.csv").read_text() == table
    changed = [p for p, time in summaries.items() if p.stat().st_mtime_ns != time]
    assert changed == [first]
    resolved = next(first.parent.glob("config.yaml"))
    assert main(["train", str(resolved), "--out", "alone"]) == 0
    found = json.loads(first.read_text())["last"]["train_loss"]
    alone = json.loads((tmp_path / "alone" / "summary.json").read_text())["last"]["train_loss"]
    assert alone == pytest.approx(found, rel=1e-5)


def test_a_sweep_with_a_run_that_fails_fails_and_says_why(config, capsys):
    text = SWEEP.replace("  seeds: 2\n", "").replace(
        "optimizer.learning_rate: {start: 1e-3, stop: 1e-1, count: 3}",
        "training.batch_size: [256, 5000]",
    )
    assert main(["sweep", config(text), "--out", "all"]) == 1
    printed = capsys.readouterr().out
    assert "DataError: `batch_size`" in printed
    assert "2 runs, 1 failed" in printed


def test_a_sweep_in_which_all_diverge_says_so(config):
    text = SWEEP.replace("  seeds: 2\n", "").replace("code: 4", "code: 4, output: linear")
    text = text.replace("{start: 1e-3, stop: 1e-1, count: 3}", "[1e9, 1e10]")
    assert main(["sweep", config(text.replace("adam", "sgd")), "--out", "all"]) == 3


def test_a_sweep_that_cannot_be_written_is_refused(config, tmp_path, capsys):
    (tmp_path / "runs").write_text("")
    assert main(["sweep", config(SWEEP)]) == 2
    assert "cannot write here" in lines_of(capsys)[0]


def test_list_and_explain_show_what_configs_can_name(capsys):
    assert main(["list", "optimizers"]) == 0
    assert "adam_max_norm" in capsys.readouterr().out
    assert main(["explain", "adam"]) == 0
    shown = capsys.readouterr().out
    assert "learning_rate" in shown
    assert "Kingma" in shown
    assert main(["explain", "admw"]) == 2
    assert "adamw" in capsys.readouterr().err
    assert main(["list", "optimisers"]) == 2
    assert "optimizers" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ae-optax {ae_optax.__version__}\n"


def test_examples_are_listed_and_printed_as_they_are(tmp_path, capsys):
    assert main(["example"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"digits/compare_optimizers +which optimizer trains a small autoenc", listed)
    assert main(["example", "digits/compare_optimizers"]) == 0
    (tmp_path / "my.yaml").write_text(capsys.readouterr().out)
    assert len(load_comparison(tmp_path / "my.yaml").contenders) > 3
    assert main(["example", "digits/train_adm"]) == 2
    assert "Did you mean 'digits/train_adam'?" in lines_of(capsys)[0]


def test_the_module_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "ae_optax", "--help"], capture_output=True, text=True, check=True
    )
    assert "compare optimizers" in done.stdout
    assert "exit codes" in done.stdout


PLATEAU = "{name: reduce_on_plateau, factor: 0.5, patience: 1, threshold: 1}"


def test_train_says_when_the_rate_is_reduced(config, tmp_path, capsys):
    chain = f"{{chain: [{{name: adam, learning_rate: 1e-2}}, {PLATEAU}]}}"
    text = RUN.replace("{name: adam, learning_rate: 1e-2}", chain).replace("epochs: 2", "epochs: 5")
    assert main(["train", config(text), "--out", "out"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[3] == (
        "learning rate reduced to 0.005 in epoch 4 (times 0.5): "
        "the validation loss had stopped improving"
    )
    assert printed.out.count("learning rate") == 1
    assert printed.err == ""
    rows = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["plateau_scale"] for row in rows] == [1, 1, 1, 0.5, 0.5]
    assert main(["train", config(text), "--set", "data.validation=0", "--out", "none"]) == 2
    assert lines_of(capsys)[0].startswith(
        "optimizer: reduce_on_plateau observes the validation loss"
    )


def test_a_rate_that_cannot_be_read_is_reduced_all_the_same(config, capsys):
    chain = f"{{chain: [{{name: optax.sgd, learning_rate: 1e-2}}, {PLATEAU}]}}"
    text = RUN.replace("{name: adam, learning_rate: 1e-2}", chain).replace("epochs: 2", "epochs: 4")
    assert main(["train", config(text), "--out", "out"]) == 0
    assert "learning rate reduced in epoch 4 (times 0.5)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_doubtful_order_of_stages_is_warned_about(config, capsys):
    chain = "{chain: [{name: adam, learning_rate: 1e-2}, {name: clip, max_value: 1}]}"
    assert main(["train", config(RUN.replace("{name: adam, learning_rate: 1e-2}", chain))]) == 0
    about = (
        "clip comes after scale_by_learning_rate (in adam): it clips the step, not the gradient. "
        "Put it before the learning rate."
    )
    assert lines_of(capsys) == [f"warning: {about}"]
    swept = chain.replace("learning_rate: 1e-2", "learning_rate: swept")
    text = COMPARISON.replace("optimizer: {name: adam}", f"optimizer: {swept}\n      label: odd")
    text = text.replace("seeds: 2", "seeds: 1").partition("    - optimizer: {name: sgd}")[0]
    assert main(["compare", config(text), "--out", "out"]) == 0
    assert lines_of(capsys) == [f"warning: odd: {about}"]


def test_an_executor_that_is_not_installed_is_asked_for(config, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["sweep", config(SWEEP), "--executor", "ray"]) == 2
    assert "pip install 'ae_optax[ray]'" in capsys.readouterr().err


def test_there_must_be_a_process_at_a_time(config, capsys):
    assert main(["sweep", config(SWEEP), "--executor", "subprocess", "--jobs", "0"]) == 2
    assert lines_of(capsys) == ["--jobs: `n` must be at least 1, got 0."]
