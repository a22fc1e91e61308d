"""Runs in this process: one program for numbers and seeds, the same results in any company."""

import dataclasses
import functools
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax._equations import each_equation
from ae_optax.lab import data, models, training
from ae_optax.lab.config import kinds
from ae_optax.lab.losses import mse
from ae_optax.lab.plans import load_run, load_sweep, make_task
from ae_optax.lab.runs import find_run
from ae_optax.lab.sweeps import Job, folder_of, in_process
from ae_optax.lab.sweeps import _program as program
from ae_optax.lab.sweeps._lanes import fitting, side_by_side

RUN = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4, output: linear}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 256}
"""


def jobs_of(folder, over, *, seeds=2, text=RUN):
    path = folder / "x.yaml"
    path.write_text(text)
    config = load_sweep(path, [f"sweep.over={over}", f"sweep.seeds={seeds}"])
    return [Job(t.run(s), tuple(t.values)) for t in config.trials for s in config.seeds]


def losses(jobs, runs):
    rows = [(folder_of(j.config, runs) / "metrics.jsonl").read_text().splitlines() for j in jobs]
    return np.array([[json.loads(row)["test_loss"] for row in run] for run in rows], float)


@pytest.fixture
def compiled(monkeypatch):
    """Count the programs that are compiled."""
    calls = []
    original = program.compile_program

    def counted(task, config, paths, *args, **kwargs):
        calls.append(tuple(paths))
        return original(task, config, paths, *args, **kwargs)

    monkeypatch.setattr("ae_optax.lab.sweeps._in_process.compile_program", counted)
    return calls


RATES = "optimizer.learning_rate: [1e-3, 1e-2]"


def test_runs_that_differ_in_numbers_and_seeds_share_a_program(tmp_path, compiled):
    jobs = jobs_of(tmp_path, f"{{{RATES}, optimizer.b2: [0.9, 0.99]}}")
    outcomes = list(in_process()(jobs, tmp_path))
    assert [(o.job, o.failure) for o in outcomes] == [(job, None) for job in jobs]
    assert compiled == [("optimizer.b2", "optimizer.learning_rate")]
    assert len({tuple(row) for row in losses(jobs, tmp_path)}) == len(jobs) == 8


def test_a_run_is_what_training_alone_computes(tmp_path):
    jobs = jobs_of(tmp_path, f"{{{RATES}}}")
    list(in_process()(jobs, tmp_path))
    job = jobs[-1]
    task, optimizer = make_task(job.config), job.config.optimizer.build()
    fit = training.fit(task, optimizer, job.config.training)
    assert [row.test_loss for row in fit.rows] == losses([job], tmp_path)[0].tolist()


def test_runs_of_several_threads_are_those_of_one(tmp_path):
    jobs = jobs_of(tmp_path, f"{{{RATES}}}", seeds=3)
    for threads in (1, 4):
        outcomes = list(in_process(threads=threads)(jobs, tmp_path / str(threads)))
        assert [(o.job, o.failure) for o in outcomes] == [(job, None) for job in jobs]
    one, four = losses(jobs, tmp_path / "1"), losses(jobs, tmp_path / "4")
    np.testing.assert_array_equal(one, four)


@pytest.mark.parametrize(
    ("runs", "flop", "size", "free", "expected"),
    [
        (135, 1e6, 1e6, 1e12, 135),
        (135, 1e8, 1e6, 1e12, 20),
        (135, 1e6, 1e6, 2e7, 10),
        (135, 1e11, 1e6, 1e12, 1),
        (3, 0.0, 0.0, np.inf, 3),
    ],
)
def test_lanes_keep_a_device_busy_within_half_its_memory(runs, flop, size, free, expected):
    assert side_by_side(runs, flop, size, free) == expected


def test_the_lanes_of_a_config_follow_from_the_cost_of_its_step(tmp_path):
    (job,) = jobs_of(tmp_path, "{optimizer.b2: [0.9]}", seeds=1)
    data = job.config.data.build()
    device = SimpleNamespace(memory_stats=lambda: None)
    # A step of a batch of 256 makes some 3 million operations.
    assert 100 < fitting(job.config, data, device, 10**6) < 2000
    small = SimpleNamespace(memory_stats=lambda: {"bytes_limit": 10**7, "bytes_in_use": 0})
    assert fitting(job.config, data, small, 10**6) < fitting(job.config, data, device, 10**6)


def test_convolutions_are_made_one_run_at_a_time(tmp_path):
    model = "model: {name: conv_autoencoder, channels: [4], code: 4}"
    text = RUN.replace(
        "model: {name: mlp_autoencoder, hidden: [8], code: 4, output: linear}", model
    )
    (job,) = jobs_of(tmp_path, "{optimizer.b2: [0.9]}", seeds=1, text=text)
    device = SimpleNamespace(memory_stats=lambda: None)
    assert fitting(job.config, job.config.data.build(), device, 10**6) == 1


def test_lanes_have_one_counter_so_that_no_array_is_selected_and_no_refresh_made_at_every_step():
    images = training.on_device(data.from_arrays(np.zeros((60, 4, 4), np.uint8)))
    task = training.Task(models.mlp_autoencoder([], 2), mse())
    rule = functools.partial(ae_optax.soap, refresh_every=10)
    start = training.make_start(task)
    run = training.make_run_from(task, rule, training.Settings(epochs=2, batch_size=16))

    def branches(run, rate, begun):
        program = jax.make_jaxpr(run)(rate, begun, images)
        selects = [e for e in each_equation(program.jaxpr) if e.primitive.name == "select_n"]
        return len(selects), str(program).count("cond[")

    one = jax.eval_shape(start, 0, images)
    three = jax.tree.map(lambda x: jax.ShapeDtypeStruct((3, *x.shape), x.dtype), one)
    lanes = jax.vmap(run, (0, 0, None))
    assert branches(lanes, np.full(3, 1e-3), three) == branches(run, 1e-3, one)


@pytest.mark.slow
def test_what_comes_out_does_not_depend_on_what_is_done_together(tmp_path):
    jobs = jobs_of(tmp_path, f"{{{RATES}, optimizer.b2: [0.9, 0.99]}}", seeds=1)
    list(in_process()(jobs, tmp_path / "a"))
    execute = in_process()
    for job in reversed(jobs):
        list(execute([job], tmp_path / "b"))
    np.testing.assert_array_equal(losses(jobs, tmp_path / "a"), losses(jobs, tmp_path / "b"))


@pytest.mark.slow
def test_programs_are_kept_for_later_calls(tmp_path, compiled):
    jobs = jobs_of(tmp_path, f"{{{RATES}}}")
    execute = in_process()
    for job in jobs:
        list(execute([job], tmp_path))
    assert len(compiled) == 1


def test_programs_that_take_turns_are_compiled_before_any_runs(tmp_path, compiled, monkeypatch):
    log, original = [], program.Program.__call__

    def logged(self, *args):
        log.append(len(compiled))
        return original(self, *args)

    monkeypatch.setattr(program.Program, "__call__", logged)
    jobs = jobs_of(tmp_path, "{optimizer.mu_dtype: [null, bfloat16]}")
    one, other = jobs[:2], jobs[2:]
    in_turn = [one[0], other[0], one[1], other[1]]
    outcomes = list(in_process(threads=1)(in_turn, tmp_path / "a"))
    assert [(o.job, o.failure) for o in outcomes] == [(job, None) for job in in_turn]
    assert log == [2] * 4
    del log[:], compiled[:]
    list(in_process(threads=1)(jobs, tmp_path / "b"))
    assert log == [1, 1, 2, 2]
    np.testing.assert_array_equal(losses(jobs, tmp_path / "a"), losses(jobs, tmp_path / "b"))
    begun = {find_run(folder_of(job.config, tmp_path / "a")).summary.started for job in jobs}
    assert len(begun) == 1


@pytest.mark.slow
def test_words_make_programs_of_their_own(tmp_path, compiled):
    jobs = jobs_of(tmp_path, f"{{{RATES}, optimizer.mu_dtype: [null, bfloat16]}}", seeds=1)
    assert all(o.failure is None for o in in_process()(jobs, tmp_path))
    assert compiled == [("optimizer.learning_rate",)] * 2


def halves(learning_rate: optax.ScalarOrSchedule, *, b2: float) -> optax.GradientTransformation:
    return ae_optax.adam(learning_rate, b2=0.9 if b2 > 0.5 else 0.5)


@pytest.mark.slow
def test_numbers_that_must_be_known_are(tmp_path, compiled):
    optimizers = kinds()["optimizer"]
    known = {"halves": halves, **optimizers.functions}
    text = RUN.replace("name: adam", "name: halves, b2: 0.5")
    path = tmp_path / "x.yaml"
    path.write_text(text)
    own = {**kinds(), "optimizer": dataclasses.replace(optimizers, functions=known)}
    over = f"sweep.over={{{RATES}, optimizer.b2: [0.4, 0.9]}}"
    trials = load_sweep(path, [over], kinds=own).trials
    jobs = [Job(trial.config, tuple(trial.values)) for trial in trials]
    assert [o.failure for o in in_process()(jobs, tmp_path)] == [None] * 4
    assert compiled == [("optimizer.learning_rate",)] * 2
    found = losses(jobs, tmp_path)
    assert (found[0] != found[1]).any()


def test_a_run_that_diverges_is_recorded_and_one_that_fails_is_not(tmp_path):
    over = "{optimizer: [{name: sgd, learning_rate: 1e9}, {name: adam, learning_rate: 1e-2}]}"
    wrong = "{training.batch_size: [5000]}"
    jobs = jobs_of(tmp_path, over, seeds=1) + jobs_of(tmp_path, wrong, seeds=1)
    outcomes = [outcome.failure for outcome in in_process()(jobs, tmp_path)]
    assert outcomes[:2] == [None, None]
    assert outcomes[2].startswith("DataError: `batch_size` must be at most")
    records = [find_run(folder_of(job.config, tmp_path)) for job in jobs]
    assert [record and record.summary.status for record in records] == ["diverged", "done", None]
    assert math.isnan(records[0].summary.loss("test"))


def test_the_record_of_a_run_is_complete(tmp_path):
    (job,) = jobs_of(tmp_path, "{optimizer.b2: [0.9]}", seeds=1)
    list(in_process(command="ae-optax sweep")([job], tmp_path))
    folder = folder_of(job.config, tmp_path)
    assert {p.name for p in folder.iterdir()} == {
        "config.yaml",
        "images.npz",
        "lock",
        "metrics.jsonl",
        "summary.json",
    }
    assert load_run(folder / "config.yaml") == job.config
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 7), (2, 14)]
    summary = find_run(folder).summary
    assert summary.last.test_loss == rows[-1]["test_loss"] < summary.untrained["test_loss"]
    assert summary.command == "ae-optax sweep"
    with np.load(folder / "images.npz") as images:
        assert images["originals"].shape == images["reconstructions"].shape == (10, 8, 8)


@pytest.mark.slow
def test_runs_side_by_side_are_the_same_to_rounding(tmp_path):
    jobs = jobs_of(tmp_path, f"{{{RATES}}}")[:3]
    list(in_process()(jobs, tmp_path / "a"))
    list(in_process(lanes=2)(jobs, tmp_path / "b"))
    a, b = losses(jobs, tmp_path / "a"), losses(jobs, tmp_path / "b")
    np.testing.assert_allclose(a, b, rtol=1e-4)


DEVICES = """
import json, sys
from pathlib import Path
import jax
sys.path.insert(0, sys.argv[1])
from test_in_process import RATES, jobs_of, losses
from ae_optax.lab.sweeps import in_process
folder = Path(sys.argv[2])
jobs = jobs_of(folder, f"{{{RATES}, optimizer.b2: [0.9, 0.99, 0.999]}}", seeds=2)
assert all(o.failure is None for o in in_process()(jobs, folder / "many"))
assert all(o.failure is None for o in in_process(devices=jax.devices()[:1])(jobs, folder / "one"))
print(jax.device_count(), (losses(jobs, folder / "many") == losses(jobs, folder / "one")).all())
"""


@pytest.mark.slow
def test_runs_spread_over_eight_devices_are_the_same(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DEVICES, str(Path(__file__).parent), str(tmp_path)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "8", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["8", "True"], done.stderr


SCHEDULE, OTHER = (
    f"{{name: step_decay, init_value: {value}, factor: 0.5, period: 2}}" for value in (0.1, 0.2)
)
GROUPS = {
    "a number of the optimizer": ("optimizer.b2: [0.9, 0.99]", 1),
    "a number in a schedule": ("optimizer.learning_rate.factor: [0.5, 0.6]", 1),
    "a word": ("optimizer.mu_dtype: [float32, bfloat16]", 2),
    "schedules of one sort": (f"optimizer.learning_rate: [{SCHEDULE}, {OTHER}]", 1),
    "a schedule and a number": (f"optimizer.learning_rate: [{SCHEDULE}, 1e-2]", 2),
    "optimizers": ("optimizer: [{name: sgd, learning_rate: 1}, {name: adam, learning_rate: 1}]", 2),
    "a number of the model": ("model.code: [2, 3]", 2),
}


@pytest.mark.parametrize(("over", "n"), GROUPS.values(), ids=GROUPS)
def test_only_numbers_of_one_optimizer_can_share_a_program(tmp_path, over, n):
    text = RUN.replace("learning_rate: 1e-2", f"learning_rate: {SCHEDULE}")
    jobs = jobs_of(tmp_path, f"{{{over}}}", text=text)
    assert len(jobs) == 4
    assert len({job.rest() for job in jobs}) == n


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["patience: 1", "mesh: {batch: 1}", "on_non_finite: restore"])
def test_a_run_that_must_be_watched_is_trained_alone(tmp_path, compiled, setting):
    text = RUN.replace("epochs: 2", f"epochs: 2, {setting}")
    if "restore" in setting:
        text = text.replace("1e-2", "1e30").replace("adam", "sgd")
    (job,) = jobs_of(tmp_path, "{training.batch_size: [256]}", seeds=1, text=text)
    (outcome,) = in_process()([job], tmp_path)
    assert (outcome.failure, compiled) == (None, [])
    task, optimizer = make_task(job.config), job.config.optimizer.build()
    fit = training.fit(task, optimizer, job.config.training)
    record = find_run(folder_of(job.config, tmp_path))
    assert record.summary.status == fit.status
    assert [row.test_loss for row in fit.rows] == losses([job], tmp_path)[0].tolist()
    assert record.summary.untrained["test_loss"] > 0
    assert (record.folder / "images.npz").exists()


SOLVED = {
    "optimizers": ("optimizer: [{name: sgd, learning_rate: 1}, {name: adam, learning_rate: 1}]", 1),
    "lengths": ("training.epochs: [1, 2]", 1),
    "models": ("model.code: [2, 3]", 2),
}


@pytest.mark.parametrize(
    "what",
    ["models", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lengths", "optimizers"))],
)
def test_programs_of_one_task_share_a_start(tmp_path, monkeypatch, what):
    over, n = SOLVED[what]
    starts = []
    original = program.compile_start

    def counted(*args):
        starts.append(original(*args))
        return starts[-1]

    monkeypatch.setattr("ae_optax.lab.sweeps._in_process.compile_start", counted)
    jobs = jobs_of(tmp_path, f"{{{over}}}", seeds=1)
    assert all(outcome.failure is None for outcome in in_process()(jobs, tmp_path))
    assert len(starts) == n
