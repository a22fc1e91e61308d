"""Runs, sweeps and comparisons of a study: made once, found again."""

import math
from pathlib import Path

import pytest

from ae_optax.lab import study
from ae_optax.lab.runs import Best, ContenderRecord, ContenderRun, OverSeeds, to_json

CONFIGS = Path(__file__).parents[3] / "configs/digits"
TINY = ["training.epochs=2", "model.hidden=[4]", "model.code=2"]
SWEEP = [
    "sweep={over: {optimizer.learning_rate: [1e-3, 1e-2]}, seeds: 2}",
    *TINY,
]
CONTENDERS = "[{optimizer: {name: adam}}, {optimizer: {name: sgd}}]"
COMPARE = [
    f"compare={{seeds: 2, learning_rates: [1e-2, 1e-3], contenders: {CONTENDERS}}}",
    *TINY,
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def logs(folder):
    """Return when each log of epochs was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.jsonl")}


def test_a_run_is_made_once(tmp_path):
    first = study.train(CONFIGS / "train_adam.yaml", TINY)
    made = logs(tmp_path)
    assert len(made) == 1
    assert [row.epoch for row in first.rows] == [1, 2]
    second = study.train(CONFIGS / "train_adam.yaml", TINY)
    assert logs(tmp_path) == made
    assert second.rows == first.rows


def test_another_config_is_another_run(tmp_path):
    one = study.train(CONFIGS / "train_adam.yaml", TINY)
    other = study.train(CONFIGS / "train_adam.yaml", [*TINY, "training.seed=1"])
    assert len(logs(tmp_path)) == 2
    assert one.rows != other.rows


def test_a_run_that_diverged_has_not_failed():
    wild = ["optimizer={name: sgd, learning_rate: 1e+30}", "loss.name=sse", "model.output=linear"]
    run = study.train(CONFIGS / "train_adam.yaml", [*TINY, *wild])
    assert run.summary.status == "diverged"


def test_a_command_that_fails_ends_the_study(tmp_path):
    nowhere = f"data={{name: mnist, path: {tmp_path / 'nowhere'}}}"
    with pytest.raises(SystemExit):
        study.train(CONFIGS / "train_adam.yaml", [nowhere])


def test_a_comparison_is_made_once_and_its_losses_are_told_by_rate(tmp_path):
    first = study.compare(CONFIGS / "compare_optimizers.yaml", COMPARE)
    made = logs(tmp_path)
    assert len(made) == 8
    second = study.compare(CONFIGS / "compare_optimizers.yaml", COMPARE)
    assert logs(tmp_path) == made
    assert to_json(second.contenders) == to_json(first.contenders)
    adam, sgd = map(study.losses_at_rates, first.contenders)
    assert adam["learning_rates"] == [1e-3, 1e-2]
    assert [len(losses) for losses in adam["test_loss"]] == [2, 2]
    at_best = adam["test_loss"][1]
    assert min(at_best) == pytest.approx(first.contenders[0].best.final_test.lowest, rel=1e-3)
    assert adam["test_loss"] != sgd["test_loss"]


def test_a_sweep_is_made_once_and_its_runs_have_rows(tmp_path):
    first = study.sweep(CONFIGS / "sweep_adam.yaml", SWEEP)
    made = logs(tmp_path)
    assert len(made) == 4
    assert [len(rows) for rows in first.rows.values()] == [2] * 4
    second = study.sweep(CONFIGS / "sweep_adam.yaml", SWEEP)
    assert logs(tmp_path) == made
    assert second.record == first.record


@pytest.mark.parametrize(
    ("name", "overrides", "section"),
    [
        ("train_adam", TINY, "optimizer"),
        ("sweep_adam", SWEEP, "sweep"),
        ("compare_optimizers", COMPARE, "compare"),
    ],
)
def test_a_config_of_any_kind_is_told_in_plain_values(name, overrides, section):
    plain = study.overridden(CONFIGS / f"{name}.yaml", overrides)
    assert section in plain
    assert plain["training"]["epochs"] == 2
    assert plain["model"]["hidden"] == [4]


def contender(runs, best=None):
    made = [
        ContenderRun(i, rate, {}, 0, loss is None, 1.0, [], [], [1.0, loss or math.nan], {})
        for i, (rate, loss) in enumerate(runs)
    ]
    rates = sorted({rate for rate, _ in runs})
    return ContenderRecord("x", {}, rates, len(runs), [], 8.0, 1.0, 1.0, None, made, best)


def test_a_run_that_diverged_has_no_loss_at_its_rate():
    found = study.losses_at_rates(contender([(1.0, None), (0.1, 0.0123456), (1.0, 0.1)]))
    assert found == {"learning_rates": [0.1, 1.0], "test_loss": [[0.01235], [None, 0.1]]}


def test_the_best_of_a_contender_is_its_rate_its_loss_and_what_the_others_gave():
    loss = OverSeeds(0.2, 0.1, 0.3)
    chosen = Best(1, 0.01, {}, None, {}, loss, loss, 0.5, None, None, None, None)
    best = study.best_of(contender([(0.1, None), (0.01, 0.2)], chosen))
    assert best["at_rates"] == {"learning_rates": [0.01, 0.1], "test_loss": [[0.2], [None]]}
    assert study.best_cell(best) == "0.200, 0.100–0.300 (0.01)"
