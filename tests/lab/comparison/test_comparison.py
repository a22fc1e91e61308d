import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from ae_optax.lab import comparison
from ae_optax.lab.comparison._result import contender_run
from ae_optax.lab.config import kinds
from ae_optax.lab.data import describe_data
from ae_optax.lab.plans import load_comparison, make_task
from ae_optax.lab.runs import (
    ContenderRun,
    EpochRow,
    OverSeeds,
    Run,
    Summary,
    read_comparison,
    to_json,
    write_comparison,
)
from ae_optax.lab.sweeps import _program as sweeps_program
from ae_optax.lab.sweeps import folder_of, in_process

TEXT = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [6], code: 2, output: linear}
loss: {name: mse}
training: {epochs: 3, batch_size: 256}
compare:
  seeds: 2
  learning_rates: [1e-3, 1e-2, 1e9]
  contenders:
    - optimizer: {name: adam}
    - optimizer: {name: broken}
    - optimizer: {name: sgd}
      learning_rates: [1e-1, 1, 1e9]
"""


def broken(learning_rate: float) -> optax.GradientTransformation:
    """Train small trees only, such as those that configs are tried out on."""

    def init(params):
        if len(jax.tree.leaves(params)) > 2:
            raise RuntimeError("no such thing\nsecond line")
        return optax.EmptyState()

    return optax.GradientTransformation(init, optax.identity().update)


def load(folder, text):
    path = folder / "x.yaml"
    path.write_text(text)
    optimizers = kinds()["optimizer"]
    known = {"broken": broken, **optimizers.functions}
    own = {**kinds(), "optimizer": dataclasses.replace(optimizers, functions=known)}
    return load_comparison(path, kinds=own)


def compared(config, runs, execute=None):
    task = make_task(config)
    return comparison.compare(config, task, runs, execute or in_process())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison")


@pytest.fixture(scope="module")
def config(folder):
    return load(folder, TEXT)


@pytest.fixture(scope="module")
def results(folder, config):
    return compared(config, folder / "runs")


def a_run(rate, tests, validation=None, seed=0, setting=None, values=None):
    tests = np.asarray(tests, float)
    validation = tests if validation is None else np.asarray(validation, float)
    setting = rate if setting is None else setting
    lost = not (np.isfinite(tests).all() and tests[-1] <= tests[0])
    curves = map(list, (tests[1:], validation, tests))
    return ContenderRun(setting, rate, values or {}, seed, lost, 1.0, *curves, rows={})


def test_a_run_that_was_stopped_counts_as_the_epoch_that_is_kept():
    losses = [0.5, 0.2, 0.3, 0.4]
    rows = [EpochRow(i + 1, 3 * (i + 1), x, x, x, 0.1, 1, 1) for i, x in enumerate(losses)]
    untrained = {"validation_loss": 0.9, "test_loss": 0.9}
    begun = Summary(status="running", untrained=untrained)
    about = {"setting": 0, "learning_rate": 0.1, "values": {}, "seed": 0}
    ended = {"stopped": begun.ended(rows, "stopped", step=6),
             "diverged": begun.ended(rows, "diverged", step=12)}  # fmt: skip
    found = {
        how: contender_run(Run(Path(), summary, rows, ""), epochs=6, **about)
        for how, summary in ended.items()
    }
    assert found["stopped"].test_loss == [0.9, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert not found["stopped"].diverged
    assert found["diverged"].train_loss[:4] == losses
    assert found["diverged"].diverged


def a_result(runs):
    rates = sorted({run.learning_rate for run in runs})
    return comparison.Result("x", {}, rates, runs, [], 0.0, 0, None)


def recorded(results, config, *, steps_per_epoch=3, parameters=100):
    return comparison.record(
        results,
        steps_per_epoch=steps_per_epoch,
        parameters=parameters,
        target=None,
        data=describe_data(config.data.build()),
        epochs=3,
        batch_size=256,
        seeds=[0, 1],
    )


def timed(label, times, started="", values=None):
    """Return a result whose runs took such times, each from when its command began."""
    begun = started if isinstance(started, list) else [started] * len(times)
    runs = [
        dataclasses.replace(
            a_run(rate, [1.0, 0.5 / (1 + rate)], seed=rate % 2, setting=rate // 2, values=values),
            seconds=seconds,
            started=at,
        )
        for rate, (seconds, at) in enumerate(zip(times, begun, strict=True))
    ]
    return a_result(runs)._replace(label=label)


MORNING, EVENING = "2026-03-01T08:00:00+01:00", "2026-03-01T20:00:00+01:00"
STEADY = [1.0, 1.1, 1.0, 1.2, 3.0, 0.9]


def test_times_of_runs_that_were_made_in_turn_are_told_with_their_quartiles(config):
    adam, sgd = timed("adam", STEADY, MORNING), timed("sgd", STEADY, MORNING)
    record = recorded([adam, sgd], config, steps_per_epoch=10)
    assert record.times_left_out == ""
    (first, _) = record.contenders
    assert first.ms_per_step == pytest.approx(1e3 * 1.05 / 10)
    assert first.ms_quartiles == pytest.approx((1e3 * 1.0 / 10, 1e3 * 1.175 / 10))
    # Twice for both: a comparison that was cut, and taken up in the evening.
    cut = [MORNING] * 2 + [EVENING] * 4
    both = [timed(label, STEADY, cut) for label in ("adam", "sgd")]
    assert recorded(both, config).times_left_out == ""


@pytest.mark.parametrize(
    ("times", "started", "reason"),
    [
        (STEADY, [MORNING] * 6, "runs of adam were made after the others'"),
        (STEADY, ["", *[MORNING] * 5], "runs of adam were made after the others'"),
        (
            [1.0, 2.5, 1.0, 2.5, 1.0, 2.5],
            [EVENING] * 6,
            "middle half of sgd's runs took 0.571–",
        ),
    ],
)
def test_times_are_left_out_where_load_moved_or_runs_were_not_made_in_turn(
    config, times, started, reason
):
    adam, sgd = timed("adam", STEADY, EVENING), timed("sgd", times, started)
    record = recorded([adam, sgd], config, steps_per_epoch=10)
    assert reason in record.times_left_out
    for contender in record.contenders:
        assert (contender.ms_per_step, contender.ms_quartiles) == (None, None)
        assert contender.best.seconds_to_target is None
        assert contender.best.final_test.median is not None


def test_settings_of_other_values_may_take_other_times(config):
    slow = timed("x", [10.0] * 6, MORNING, values={"every": 1}).runs
    quick = timed("x", [1.0] * 6, MORNING, values={"every": 9}).runs
    later = [dataclasses.replace(run, setting=run.setting + 3) for run in slow]
    assert recorded([a_result([*quick, *later])], config).times_left_out == ""


def test_a_target_is_timed_at_the_pace_of_all_runs(config):
    # The one run at the best rate met load.
    times = [1.0, 1.0, 1.0, 1.0, 1.0, 9.0]
    best = comparison.verdict(timed("adam", times), 10, 0.1)
    assert best.learning_rate == 4
    assert best.seconds_to_target == pytest.approx(1.0)


def test_every_rate_meets_every_seed(results):
    pairs = [(run.learning_rate, run.seed) for run in results[0].runs]
    assert pairs == [(r, s) for r in (1e-3, 1e-2, 1e9) for s in (0, 1)]


def test_seeds_start_all_contenders_alike(results):
    adam, _, sgd = results
    assert adam.runs[0].test_loss[0] == sgd.runs[0].test_loss[0]
    assert adam.runs[0].test_loss[0] != adam.runs[1].test_loss[0]


def test_a_contender_that_fails_takes_nothing_else_with_it(results):
    assert [r.failure for r in results] == [None, "RuntimeError: no such thing", None]
    assert results[1].runs == []
    assert results[2].runs


def test_a_run_that_diverges_is_marked_and_the_others_are_not(results):
    assert [run.diverged for run in results[0].runs] == [False] * 4 + [True] * 2
    verdict = comparison.verdict(results[0], 3, None)
    assert verdict.diverged_share == pytest.approx(1 / 3)
    assert verdict.learning_rate == 1e-2


def test_the_rate_is_chosen_on_validation_and_reported_on_test():
    runs = [
        a_run(0.1, [1.0, 0.5], validation=[1.0, 0.2]),
        a_run(0.2, [1.0, 0.3], validation=[1.0, 0.4]),
    ]
    verdict = comparison.verdict(a_result(runs), 10, None)
    assert verdict.learning_rate == 0.1
    assert verdict.final_test == OverSeeds(0.5, 0.5, 0.5)


def test_the_edge_of_the_range_is_flagged():
    losses_at = {0.1: 0.5, 0.2: 0.3, 0.3: 0.2}
    runs = [a_run(rate, [1.0, loss]) for rate, loss in losses_at.items()]
    assert comparison.verdict(a_result(runs), 10, None).edge == "highest"
    assert comparison.verdict(a_result(runs[::-1]), 10, None).edge == "highest"
    runs = [a_run(rate, [1.0, loss]) for rate, loss in {0.1: 0.1, **losses_at, 0.2: 0.01}.items()]
    assert comparison.verdict(a_result(runs), 10, None).edge is None


def test_the_edges_of_other_numbers_are_flagged_too():
    def verdict(values):
        runs = [
            a_run(0.1, [1.0, loss], setting=i, values={"b2": b2, "power": 1.0 + (i > 1)})
            for i, (b2, loss) in enumerate(values.items())
        ]
        return comparison.verdict(a_result(runs), 10, None)

    assert verdict({0.9: 0.5, 0.99: 0.4, 0.999: 0.3}).value_edges == {"b2": "highest"}
    assert verdict({0.9: 0.5, 0.99: 0.1, 0.999: 0.3}).value_edges == {}
    assert verdict({0.9: 0.5, 0.99: 0.1}).value_edges == {}


def test_two_rates_have_no_edges():
    runs = [a_run(rate, [1.0, loss]) for rate, loss in {0.1: 0.5, 0.2: 0.3}.items()]
    assert comparison.verdict(a_result(runs), 10, None).edge is None


def test_a_setting_is_chosen_on_validation_by_the_median_over_seeds(config):
    def runs(setting, rate, losses):
        return [a_run(rate, [1.0, 1 - v], [1.0, v], seed, setting) for seed, v in enumerate(losses)]

    found = a_result(
        runs(0, 0.1, [0.3, 0.3, 0.3])
        + runs(1, 0.1, [0.2, 0.2, 0.9])
        + runs(2, 0.2, [0.1, 0.4, 0.5])
    )
    verdict = comparison.verdict(found, 10, None)
    assert (verdict.setting, verdict.learning_rate) == (1, 0.1)
    assert verdict.final_test.median == pytest.approx(0.8)
    (contender,) = recorded([found], config, steps_per_epoch=10, parameters=1).contenders
    assert contender.at_rates == [1, 2]
    assert contender.settings == 3


def test_the_usable_window_holds_the_rates_within_a_tenth_of_the_best():
    runs = [a_run(rate, [1.0, loss]) for rate, loss in {1: 0.5, 2: 0.109, 4: 0.1, 8: 0.12}.items()]
    verdict = comparison.verdict(a_result(runs), 10, None)
    assert verdict.usable == (2, 4)
    assert verdict.usable_decades == pytest.approx(np.log10(2))


def test_the_target_is_timed_from_the_first_measurement_that_meets_it():
    verdict = comparison.verdict(a_result([a_run(1, [1.0, 0.5, 0.2, 0.3])]), 10, 0.25)
    assert verdict.steps_to_target == 20
    assert verdict.seconds_to_target == pytest.approx(20 / 30)
    verdict = comparison.verdict(a_result([a_run(1, [1.0, 0.5])]), 10, 0.25)
    assert verdict.steps_to_target is None


def test_a_contender_whose_runs_all_diverged_has_no_best():
    assert comparison.verdict(a_result([a_run(1, [1.0, np.nan])]), 10, None) is None
    assert comparison.verdict(a_result([a_run(1, [1.0, 2.0])]), 10, None) is None


def test_a_seed_that_is_lost_at_the_best_rate_counts_as_the_worst():
    tests = ([1.0, 0.3], [1.0, np.nan], [1.0, 0.2])
    runs = [a_run(0.1, test, seed=seed) for seed, test in enumerate(tests)]
    verdict = comparison.verdict(a_result(runs), 10, 0.25)
    assert verdict.final_test == OverSeeds(0.3, 0.2, None)
    assert verdict.best_test == OverSeeds(0.3, 0.2, 1.0)
    assert verdict.diverged_share == pytest.approx(1 / 3)


def test_a_record_is_read_as_it_was_written(results, config, tmp_path):
    record = recorded(results, config)
    write_comparison(tmp_path, record)
    # By way of text, since no NaN equals another.
    assert to_json(read_comparison(tmp_path)) == json.loads(json.dumps(to_json(record)))
    adam, broken, sgd = record.contenders
    finals = [entry.best.final_test.median for entry in (adam, sgd)]
    assert record.target == pytest.approx(np.median(finals))
    assert adam.state_bytes_per_parameter > sgd.state_bytes_per_parameter
    assert broken.best is None
    assert {adam.best.rank.place, sgd.best.rank.place} == {1, 2}
    low, high = adam.best.interval
    assert low <= adam.best.final_test.median <= high
    comparison.save_pictures(tmp_path, results)
    with np.load(tmp_path / "images.npz") as images:
        kinds = ("classes", "code_width", "codes", "inputs", "labels", "reconstructions")
        assert set(images) == {"originals", *(f"{kind}_{i}" for kind in kinds for i in (0, 2))}
        assert images["originals"].shape == images["reconstructions_0"].shape
        assert images["codes_0"].shape == (100, 2)


SWEPT = (
    TEXT[: TEXT.index("    - optimizer: {name: broken}")].replace("1e9", "1e-1")
    + """\
      sweep: {b2: [0.9, 0.99]}
    - optimizer: {name: momentum}
      learning_rates: {start: 1e-2, stop: 1, count: 6}
"""
)


def test_runs_are_kept_and_only_missing_ones_are_made(tmp_path):
    made, execute = [], in_process()

    def counting(jobs, runs):
        made.append(len(jobs))
        return execute(jobs, runs)

    config, runs = load(tmp_path, SWEPT), tmp_path / "runs"
    first = compared(config, runs, counting)
    assert {(run.run, run.started != "") for result in first for run in result.runs} == {
        (path.name, True) for path in runs.iterdir()
    }
    adam = config.contenders[0]
    lost = folder_of(config.run(adam.settings[3], 1), runs)
    assert len(list(runs.iterdir())) == 24
    (lost / "summary.json").unlink()
    again, once_more = compared(config, runs, counting), compared(config, runs, counting)
    assert made == [24, 1]
    for other in (again, once_more):
        for result, same in zip(first, other, strict=True):
            assert [run.values for run in result.runs] == [run.values for run in same.runs]
            for run, its in zip(result.runs, same.runs, strict=True):
                np.testing.assert_array_equal(run.test_loss, its.test_loss)
    assert {run.values["b2"] for run in first[0].runs} == {0.9, 0.99}


def test_contenders_take_turns_in_another_order_every_round(tmp_path):
    order, config = [], load(tmp_path, SWEPT)

    def execute(jobs, runs):
        order.extend(job.config.optimizer.name for job in jobs)
        return iter(())

    compared(config, tmp_path / "runs", execute)
    rounds = {tuple(order[at : at + 2]) for at in range(0, len(order), 2)}
    assert rounds == {("adam", "momentum"), ("momentum", "adam")}


def test_a_contender_is_one_program(tmp_path, monkeypatch):
    calls = []
    original = sweeps_program.compile_program

    def counted(task, config, paths, *args, **kwargs):
        calls.append([path.rpartition(".")[2] for path in paths])
        return original(task, config, paths, *args, **kwargs)

    monkeypatch.setattr("ae_optax.lab.sweeps._in_process.compile_program", counted)
    compared(load(tmp_path, SWEPT), tmp_path / "runs")
    assert sorted(calls) == [["b2", "learning_rate"], ["learning_rate"]]
