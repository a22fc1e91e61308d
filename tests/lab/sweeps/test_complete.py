"""What was made before is taken if it would be the same today, and made anew if not."""

import contextlib
import dataclasses
import re
import threading

import numpy as np
import pytest
from left import leave_run

from ae_optax.lab import _environment, runs
from ae_optax.lab._environment import numerics, versions
from ae_optax.lab.cli import _sweep, main
from ae_optax.lab.data import describe_data
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.sweeps import Job, Outcome, build_once, complete, folder_of
from ae_optax.lab.sweeps._store import keep

TEXT = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 256}
sweep: {over: {optimizer.learning_rate: [1e-3, 1e-2]}}
"""
data_of = build_once()


@pytest.fixture
def jobs(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    return [Job(trial.config) for trial in load_sweep(tmp_path / "x.yaml").trials]


def about(job, *, fingerprint=None, **changed):
    """Return what a record says it was made from: what is so now, but for what is named."""
    data = describe_data(data_of(job.config))
    if fingerprint is not None:
        data = dataclasses.replace(data, fingerprint=fingerprint)
    return {"data": data, "numerics": numerics() | changed}


def completed(jobs, below, **changed):
    """Return which runs were made, why others failed, and what was said of those there."""
    made, notes = [], []

    def execute(missing, _):
        for job in missing:
            made.append(folder_of(job.config, below).name)
            leave_run(folder_of(job.config, below), test=0.5, **about(job, **changed))
            yield Outcome(job)

    failures = complete(jobs, below, execute, data_of=data_of, on_note=notes.append)
    return made, failures, notes


OTHERS = {
    "other images": ({"fingerprint": "f" * 64}, "on other images, of fingerprint f{12} there and "),
    "another width": ({"enable_x64": True}, "with enable_x64 True there and False here"),
    "another generator": (
        {"default_prng_impl": "rbg", "threefry_partitionable": "no"},
        "with default_prng_impl rbg there and threefry2x32 here, threefry_partitionable no there ",
    ),
    "another arithmetic": ({"arithmetic": 0}, "with arithmetic 0 there and 1 here"),
}


@pytest.mark.parametrize(("changed", "told"), OTHERS.values(), ids=OTHERS)
def test_a_record_made_otherwise_is_made_anew_and_kept_beside(tmp_path, jobs, changed, told):
    first = folder_of(jobs[0].config, tmp_path)
    leave_run(first, **about(jobs[0], **changed))
    leave_run(folder_of(jobs[1].config, tmp_path), **about(jobs[1]))
    made, failures, (note,) = completed(jobs, tmp_path)
    assert (made, failures) == ([first.name], {})
    assert re.search(f"1 of 2 runs were made {told}.*made anew", note)
    (beside,) = tmp_path.glob(f"{first.name}~*")
    assert runs.find_run(beside).summary.loss("test") == 1.0
    assert runs.find_run(first).summary.loss("test") == 0.5


def test_a_record_made_like_this_before_is_taken_back(tmp_path, jobs, monkeypatch):
    assert len(completed(jobs, tmp_path)[0]) == 2
    monkeypatch.setattr(_environment, "ARITHMETIC", 2)
    assert len(completed(jobs, tmp_path)[0]) == 2
    monkeypatch.undo()
    made, _, (note,) = completed(jobs, tmp_path)
    assert made == []
    assert "2 of 2 runs were made with arithmetic 2 there and 1 here" in note


def test_a_record_of_other_versions_is_taken_and_told(tmp_path, jobs):
    its = about(jobs[0]) | {"versions": versions() | {"jax": "0.1"}, "device": "an abacus"}
    leave_run(folder_of(jobs[0].config, tmp_path), **its)
    made, _, (note,) = completed(jobs[:1], tmp_path)
    assert made == []
    assert re.search("1 of 1 runs were made with jax 0.1, now .*; an abacus, now CPU", note)
    assert "agree to rounding only" in note


def test_a_record_that_does_not_say_is_taken_in_silence(tmp_path, jobs):
    leave_run(folder_of(jobs[0].config, tmp_path))
    assert completed(jobs[:1], tmp_path) == ([], {}, [])


def test_an_executor_that_computes_otherwise_has_failed(tmp_path, jobs):
    _, failures, _ = completed(jobs[:1], tmp_path, enable_x64=True)
    assert list(failures.values()) == ["it was made with enable_x64 True there and False here"]


ON_FILES = """\
data: {name: arrays, path: x.npy}
model: {name: mlp_autoencoder, hidden: [], code: 2}
loss: {name: mse}
training: {epochs: 1, batch_size: 8}
"""
OF_KINDS = {
    "sweep": "optimizer: {name: sgd}\nsweep: {over: {optimizer.learning_rate: [1]}}",
    "compare": "compare: {seeds: 1, contenders: [{optimizer: {name: sgd}, learning_rates: [1]}]}",
}


@pytest.mark.parametrize("kind", OF_KINDS)
def test_old_and_new_images_at_one_place_are_never_ranked_together(
    tmp_path, monkeypatch, capsys, kind
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(ON_FILES + OF_KINDS[kind])
    images = []
    for seed in (0, 1):
        np.save("x.npy", np.random.default_rng(seed).random((40, 4, 4), np.float32))
        assert main([kind, "x.yaml", "--out", "runs/out"]) == 0
        made = [path for path in tmp_path.rglob("*") if re.fullmatch("[0-9a-f]{12}", path.name)]
        images.append({runs.read_summary(path).data.fingerprint for path in made})
    assert [len(each) for each in images] == [1, 1]
    assert images[0] != images[1]
    assert "1 of 1 runs were made on other images" in capsys.readouterr().err


@contextlib.contextmanager
def held(folder):
    """Keep a folder in use until the event that is given is set, as another process would."""
    begun, release = threading.Event(), threading.Event()

    def hold():
        with runs.lock(folder):
            begun.set()
            release.wait(timeout=60)

    folder.mkdir(parents=True, exist_ok=True)
    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    try:
        yield release
    finally:
        release.set()
        thread.join()


def test_an_equal_sweep_that_is_under_way_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(TEXT)
    config, told = load_sweep(tmp_path / "x.yaml", ["sweep.seeds=1"]), []
    folder = tmp_path / "runs" / f"x-{runs.run_id(config.identity())}"
    with held(folder) as release:

        def warn(texts):
            told.extend(texts)
            if any("is in use by process" in text for text in told):
                release.set()

        monkeypatch.setattr(_sweep, "warn", warn)
        assert main(["sweep", "x.yaml", "--set", "sweep.seeds=1"]) == 0
    assert any("for which this one waits" in text for text in told)
    assert len(runs.read_sweep(folder).trials) == 2


def test_a_run_that_another_process_makes_is_waited_for(tmp_path, jobs):
    folder = folder_of(jobs[0].config, tmp_path)
    with held(folder) as release:
        threading.Timer(0.3, release.set).start()
        keep(folder, jobs[0].config, [], {}, runs.Summary("running"))
        assert release.is_set()
    assert runs.read_summary(folder).status == "running"


def test_of_two_sweeps_that_set_a_run_aside_one_does(tmp_path, jobs):
    folder, failures = folder_of(jobs[0].config, tmp_path), []
    leave_run(folder, **about(jobs[0], fingerprint="f" * 64))
    with held(folder) as release:
        others = [
            threading.Thread(target=lambda: failures.append(completed(jobs[:1], tmp_path)[1]))
            for _ in range(2)
        ]
        for other in others:
            other.start()
        threading.Timer(0.3, release.set).start()
        for other in others:
            other.join()
    assert failures == [{}, {}]
    (beside,) = tmp_path.glob(f"{folder.name}~*")
    assert runs.find_run(beside).summary.loss("test") == 1.0
    assert runs.find_run(folder).summary.loss("test") == 0.5
