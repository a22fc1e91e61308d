"""Runs in processes of their own: a killed worker or driver costs its own runs and no other."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ae_optax.lab import sweeps
from ae_optax.lab.cli._signals import Terminated, unwinding
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.runs import find_run
from ae_optax.lab.sweeps import (
    Job,
    complete,
    folder_of,
    in_process,
    subprocesses,
    sweep_record,
    sweep_table,
)

TEXT = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 256}
sweep:
  over: {optimizer.learning_rate: [1e-4, 1e-3, 1e-2, 1e-1]}
"""

# Trains as fast as can be: the loss is the rate. Below the first argument, `kill` has rates at
# which it kills itself, `wait` seconds for a run; `done` gets a line for every run begun.
WORKER = """
import json, os, pathlib, runpy, signal, sys, time, yaml
runpy.run_path(LIFELINE)["heed"]()
control, config, _, out = map(pathlib.Path, sys.argv[1:])
rate = yaml.safe_load(config.read_text())["optimizer"]["learning_rate"]
with (control / "begun").open("a") as file:
    file.write(f"{rate}\\n")
def read(name, default):
    path = control / name
    return json.loads(path.read_text()) if path.exists() else default
time.sleep(read("wait", 0))
out.mkdir(parents=True, exist_ok=True)
if rate in read("kill", []):
    os.kill(os.getpid(), signal.SIGKILL)
if rate in read("fail", []):
    sys.exit("first line\\nValueError: that rate")
row = {f"{part}_loss": rate for part in ("train", "validation", "test")}
row |= {"epoch": 1, "step": 1, "learning_rate": rate, "plateau_scale": 1.0, "seconds": 0.1}
(out / "config.yaml").write_text(config.read_text())
(out / "metrics.jsonl").write_text(json.dumps(row) + "\\n")
(out / "summary.json").write_text(json.dumps({"format": 4, "status": "done", "last": row}))
"""


@pytest.fixture
def sweep(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    config = load_sweep(tmp_path / "x.yaml")
    return config, [Job(t.config, tuple(t.values)) for t in config.trials]


def command(folder):
    lifeline = Path(sweeps.__file__).parents[1] / "_lifeline.py"  # Without JAX it is there at once.
    (folder / "worker.py").write_text(WORKER.replace("LIFELINE", repr(str(lifeline))))
    return [sys.executable, str(folder / "worker.py"), str(folder)]


def begun(folder):
    return sorted(float(line) for line in (folder / "begun").read_text().splitlines())


def table(config, runs, failures=()):
    return sweep_table(sweep_record(config, runs, dict(failures)))


def test_every_job_has_a_process_and_a_folder(tmp_path, sweep):
    _, jobs = sweep
    runs = tmp_path / "runs"
    seen = []
    execute = subprocesses(2, command=command(tmp_path))
    assert complete(jobs, runs, execute, on_outcome=seen.append) == {}
    assert {o.job.config.optimizer.arguments["learning_rate"] for o in seen} == {*begun(tmp_path)}
    assert all(find_run(folder_of(job.config, runs)) for job in jobs)
    complete(jobs, runs, execute)
    assert len(begun(tmp_path)) == 4  # Nothing was missing.


def test_a_killed_worker_takes_no_other_with_it_and_is_done_again(tmp_path, sweep):
    config, jobs = sweep
    execute = subprocesses(2, command=command(tmp_path))
    complete(jobs, tmp_path / "whole", execute)
    (tmp_path / "begun").unlink()
    (tmp_path / "kill").write_text("[1e-3]")
    (tmp_path / "fail").write_text("[1e-1]")
    failures = complete(jobs, tmp_path / "runs", execute)
    reasons = {folder_of(jobs[1].config, Path()).name: "killed by SIGKILL"}
    reasons[folder_of(jobs[3].config, Path()).name] = "ValueError: that rate"
    assert failures == reasons
    record = sweep_record(config, tmp_path / "runs", failures)
    runs = [trial.runs[0] for trial in record.trials]
    assert [run.status for run in runs] == ["done", "done", "failed", "failed"]
    assert [run.failure for run in runs] == [None, None, *reasons.values()]
    for name in ("kill", "fail", "begun"):
        (tmp_path / name).unlink()
    assert complete(jobs, tmp_path / "runs", execute) == {}
    assert begun(tmp_path) == [1e-3, 1e-1]
    assert table(config, tmp_path / "runs") == table(config, tmp_path / "whole")


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_subprocesses import command
from ae_optax.lab.cli._signals import Terminated, unwinding
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.sweeps import Job, complete, subprocesses
folder = Path(sys.argv[2])
config = load_sweep(folder / "x.yaml")
jobs = [Job(t.config, tuple(t.values)) for t in config.trials]
complete(jobs, folder / "runs", subprocesses(1, command=command(folder)))
"""


@pytest.mark.slow
def test_a_killed_driver_takes_its_children_with_it_and_goes_on_where_it_was(tmp_path, sweep):
    config, jobs = sweep
    execute = subprocesses(2, command=command(tmp_path))
    complete(jobs, tmp_path / "whole", execute)
    (tmp_path / "begun").unlink()
    (tmp_path / "wait").write_text("0.5")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(Path(__file__).parent), str(tmp_path)]
    )
    records = [tmp_path / "runs" / folder_of(j.config, Path()).name / "summary.json" for j in jobs]
    deadline = time.monotonic() + 60
    while not records[1].exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    (tmp_path / "wait").unlink()
    time.sleep(1)  # In which the run that was on its way would have come to its end.
    before = [path.stat().st_mtime_ns for path in records[:2]]
    assert not records[2].exists()
    assert complete(jobs, tmp_path / "runs", execute) == {}
    assert [path.stat().st_mtime_ns for path in records[:2]] == before
    assert table(config, tmp_path / "runs") == table(config, tmp_path / "whole")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_no_child_trains_on_when_its_driver_is_told_to_end(tmp_path, sweep, name):
    _, jobs = sweep
    (tmp_path / "wait").write_text("60")
    execute = subprocesses(2, command=command(tmp_path))

    def end_both():
        while not (tmp_path / "begun").exists() or len(begun(tmp_path)) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), getattr(signal, name))

    started = time.monotonic()
    threading.Thread(target=end_both).start()
    with pytest.raises(Terminated), unwinding():
        complete(jobs, tmp_path / "runs", execute)
    assert time.monotonic() - started < 30
    assert len(begun(tmp_path)) == 2
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (1.5, TypeError)])
def test_there_must_be_a_process(n, error):
    with pytest.raises(error, match="`n` must be"):
        subprocesses(n)


@pytest.mark.slow
def test_training_elsewhere_is_the_same_to_rounding(tmp_path, sweep):
    _, jobs = sweep
    assert complete(jobs[:2], tmp_path / "a", subprocesses(2)) == {}
    assert complete(jobs[:2], tmp_path / "b", in_process()) == {}
    for job in jobs[:2]:
        a, b = (find_run(folder_of(job.config, tmp_path / name)) for name in "ab")
        for part in ("train", "validation", "test"):
            assert a.summary.loss(part) == pytest.approx(b.summary.loss(part), rel=1e-5)
