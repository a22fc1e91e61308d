"""Trials chosen by Optuna: the same runs, the same choices again, only what is missing done."""

import math
import shutil
import sys

import pytest
from left import leave_run
from marks import slow

from ae_optax.lab.cli import main
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.sweeps import (
    Outcome,
    folder_of,
    journal_of,
    make_study,
    search,
    sweep_record,
)

TEXT = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 256}
sweep:
  over:
    optimizer.learning_rate: {lowest: 1e-4, highest: 1e-1, scale: log}
    optimizer.b2: [0.9, 0.99]
  trials: 15
  seeds: 2
  search: {name: optuna}
"""
RATE = "optimizer.learning_rate"


def load(folder, *overrides):
    (folder / "x.yaml").write_text(TEXT)
    return load_sweep(folder / "x.yaml", overrides)


def faked(done, loss=lambda numbers: abs(numbers[RATE] - 1e-2), part="validation"):
    """Make the executor that writes a loss without training; ``None`` is a diverged run."""

    def execute(jobs, runs):
        for job in jobs:
            done.append(folder_of(job.config, runs).name)
            value = loss(dict(job.config.optimizer.leaves()))
            status = "diverged" if value is None else "done"
            losses = {part: math.nan if value is None else value}
            leave_run(folder_of(job.config, runs), status=status, **losses)
            yield Outcome(job)

    return execute


def values(config):
    return [dict(trial.values) for trial in config.trials]


def test_optuna_is_asked_for_where_it_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = load(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ae_optax\[optuna\]'"):
        make_study(config.search)
    assert main(["sweep", str(tmp_path / "x.yaml"), "--out", str(tmp_path / "runs")]) == 2
    message = "Optuna is not installed: install the extra, `pip install 'ae_optax[optuna]'`.\n"
    assert capsys.readouterr().err == message
    assert not (tmp_path / "runs").exists()


def test_pytorch_is_asked_for_where_the_sampler_needs_it(tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setitem(sys.modules, "torch", None)
    config = load(tmp_path, "sweep.search.sampler=gp")
    with pytest.raises(ModuleNotFoundError, match="`sampler: gp` needs PyTorch"):
        make_study(config.search)


@pytest.mark.parametrize("sampler", ["tpe", *slow("random", "gp")])
def test_a_repeated_search_makes_the_same_choices_and_only_missing_runs(tmp_path, sampler):
    pytest.importorskip("optuna")
    if sampler == "gp":
        pytest.importorskip("torch")
    config = load(tmp_path, f"sweep.search.sampler={sampler}")
    done = []
    found, failures = search(config, make_study(config.search), tmp_path, faked(done))
    assert failures == {}
    assert len(found.trials) == 15
    assert len(set(done)) == len(done) == 30
    assert all(1e-4 <= v[RATE] <= 1e-1 and v["optimizer.b2"] in (0.9, 0.99) for v in values(found))
    lost = done[10]
    shutil.rmtree(tmp_path / lost)
    again = []
    repeated, _ = search(config, make_study(config.search), tmp_path, faked(again))
    assert values(repeated) == values(found)
    assert again == [lost]


def test_another_seed_makes_other_choices(tmp_path):
    pytest.importorskip("optuna")
    found = []
    for seed in (0, 1):
        config = load(tmp_path, f"sweep.search.seed={seed}")
        found.append(values(search(config, make_study(config.search), tmp_path, faked([]))[0]))
    assert found[0] != found[1]


def test_choices_follow_what_came_out(tmp_path):
    pytest.importorskip("optuna")
    config = load(tmp_path, "sweep.seeds=1")
    ends = []
    for name, sign in (("up", 1), ("down", -1)):
        runs = tmp_path / name
        execute = faked([], lambda numbers, sign=sign: 1 - sign * numbers[RATE])
        found, _ = search(config, make_study(config.search), runs, execute)
        ends.append([v[RATE] for v in values(found)])
    assert ends[0][:10] == ends[1][:10]  # The first are random.
    assert min(ends[0][10:]) > max(ends[1][10:])


@pytest.mark.parametrize("part", ["validation", "train"])
def test_what_is_told_is_what_ranks_the_trials(tmp_path, part):
    pytest.importorskip("optuna")

    def loss(numbers):
        return None if numbers[RATE] > 1e-2 else numbers[RATE]

    config = load(tmp_path)
    study = make_study(config.search)
    found, _ = search(config, study, tmp_path, faked([], loss, part))
    told = sorted(trial.value for trial in study.trials)
    ranked = sweep_record(found, tmp_path, {})
    assert ranked.criterion == f"{part}_loss"
    losses = [getattr(trial, f"{part}_loss") for trial in ranked.trials]
    assert [float("inf") if x is None else x for x in losses] == told
    assert told[-1] == float("inf")


def test_a_choice_made_twice_is_one_trial(tmp_path):
    pytest.importorskip("optuna")
    config = load(tmp_path, "sweep.over={optimizer.b2: [0.9, 0.99]}")
    done, outcomes = [], []
    execute = faked(done, lambda numbers: numbers["optimizer.b2"])
    study = make_study(config.search)
    found, _ = search(config, study, tmp_path, execute, on_outcome=outcomes.append)
    assert sorted(v["optimizer.b2"] for v in values(found)) == [0.9, 0.99]
    assert len(done) == 4
    assert len(outcomes) == 30


def test_runs_that_fail_are_named_and_infinitely_bad(tmp_path):
    pytest.importorskip("optuna")
    config = load(tmp_path, "sweep.trials=3")
    study = make_study(config.search)
    _, failures = search(config, study, tmp_path, lambda jobs, _: (Outcome(j, "!") for j in jobs))
    assert list(failures.values()) == ["!"] * 6
    assert [trial.value for trial in study.trials] == [float("inf")] * 3


def test_the_journal_holds_the_trials(tmp_path):
    optuna = pytest.importorskip("optuna")
    config = load(tmp_path, "sweep.trials=3")
    study = make_study(config.search)
    found, _ = search(config, study, tmp_path, faked([]))
    study.ask()  # Never told.
    path = tmp_path / "optuna.journal"
    path.write_text(journal_of(study))
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    read = optuna.load_study(study_name="sweep", storage=storage)
    assert [trial.user_attrs["values"] for trial in read.trials] == values(found)
    assert [trial.value for trial in read.trials] == [trial.value for trial in study.trials[:3]]


def test_the_program_searches_and_leaves_what_every_sweep_leaves(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    load(tmp_path)
    command = ["sweep", "x.yaml", "--set", "sweep.trials=3"]
    assert main(command) == 0
    assert "6 runs, 0 failed" in capsys.readouterr().out
    (folder,) = (tmp_path / "runs").glob("x-*")
    names = {"config.yaml", "lock", "sweep.json", "table.csv", "report.html", "optuna.journal"}
    assert {p.name for p in folder.iterdir()} == names
    table = (folder / "table.csv").read_text()
    assert len(table.splitlines()) == 7
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").glob("*/summary.json")}
    assert main(command) == 0
    assert (folder / "table.csv").read_text() == table
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").glob("*/summary.json")}
