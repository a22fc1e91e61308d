"""Reports of sweeps."""

import re

import numpy as np
import pytest

from ae_optax.lab.report import write_sweep_report
from ae_optax.lab.report._sweep_page import importance
from ae_optax.lab.runs import SweepRecord, SweptRun, TrialRecord, write_sweep

RATES = (1e-4, 1e-3, 1e-2, 1e-1)


def trial(values, loss):
    status = "diverged" if loss is None else "done"
    runs = [SweptRun("run", 0, status, None, loss, loss, loss, 1.0)]
    return TrialRecord(values, loss, loss, loss, runs)


def fill(folder, trials):
    edges = {"optimizer.learning_rate": "lowest"}
    write_sweep(folder, SweepRecord([0], "validation_loss", edges, trials))
    (folder / "config.yaml").write_text("data:\n  file: /home/ann/x.npz\n")
    return folder


def words(path):
    return " ".join(re.sub(r"<[^>]*>", " ", path.read_text("utf-8")).split())


def test_shows_trials_slices_and_what_mattered(tmp_path):
    trials = [
        trial({"optimizer.learning_rate": rate, "optimizer.name": name}, (i + 1) / 10 + j / 1000)
        for i, rate in enumerate(RATES)
        for j, name in enumerate(("adam", "<b>sgd"))
    ]
    path = write_sweep_report(
        fill(
            tmp_path,
            [*trials, trial({"optimizer.learning_rate": 1.0, "optimizer.name": "adam"}, None)],
        )
    )
    text = path.read_text("utf-8")
    assert "has learning_rate 0.0001" in words(path)
    assert "is the lowest tried" in text
    assert re.findall("<h2>(.*?)</h2>", text) == [
        "What each value did", "What mattered", "Trials", "Reproducibility",
    ]  # fmt: skip
    shares = re.findall(r'<th scope="row">(optimizer\.\w+)</th><td>(\d+)', text)
    assert [name for name, _ in shares] == ["optimizer.learning_rate", "optimizer.name"]
    assert int(shares[0][1]) > 50 > int(shares[1][1])
    assert "1 trial without a result left out" in text
    assert "/home/ann" not in text
    assert "<b>sgd" not in text
    assert path.read_bytes() == write_sweep_report(tmp_path).read_bytes()


def test_tells_settings_of_one_function_apart(tmp_path):
    models = [
        {"name": "mlp", "hidden": [16], "code": 8},
        {"name": "mlp", "hidden": [32], "code": 8},
        {"name": "mlp", "code": 8},
        {"name": "conv", "code": 4},
    ]
    trials = [trial({"model": model}, 0.1 + i / 100) for i, model in enumerate(models)]
    figure, _, rows = words(write_sweep_report(fill(tmp_path, trials))).partition("Runs lost")
    told = ["mlp(hidden=[16])", "mlp(hidden=[32])", "mlp", "conv"]
    assert re.findall(r"\b[1-4] (\S+) 0\.1", rows) == told
    assert all(word in figure for word in told)


def test_a_sweep_without_a_result_says_so(tmp_path):
    path = write_sweep_report(fill(tmp_path, [trial({"optimizer.learning_rate": 1.0}, None)]))
    assert "No trial has a result" in words(path)


def test_importance_is_all_of_what_orders_the_trials_and_none_of_noise():
    generator = np.random.default_rng(0)
    rates, noise = generator.uniform(size=400), generator.uniform(size=400).tolist()
    assert importance(rates.tolist(), rates**3) > 0.9
    assert importance(noise, rates) == pytest.approx(0, abs=0.03)
    assert importance(["a", "b"] * 200, np.array([1.0, np.inf] * 200)) == pytest.approx(1)
    assert importance([1.0] * 400, rates) == 0
