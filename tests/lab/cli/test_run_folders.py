"""Run folders: a run is found again, another one is refused, and one process at a time writes."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from ae_optax.lab import load, report, runs, training
from ae_optax.lab.cli import main
from ae_optax.lab.cli._progress import Recorder
from ae_optax.lab.plans import load_run
from ae_optax.lab.training import EpochRow

RUN = """\
# Question: is it found again?
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [], code: 2}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 512}
"""


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(RUN)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that is done, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "run.yaml").write_text(RUN)
    assert main(["train", str(folder / "run.yaml"), "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture
def done(made, tmp_path):
    return shutil.copytree(made, tmp_path / "out")


def change_summary(folder, **changes):
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | changes))


def train(*arguments):
    return main(["train", *(arguments or ("run.yaml", "--out", "out"))])


def error(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


@contextlib.contextmanager
def compilations():
    """Give a list to which every program that is compiled within the block is added."""
    found = []

    def note(event, seconds, **_):
        if event.endswith("backend_compile_duration"):
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


@pytest.mark.parametrize("again", [("run.yaml", "--out", "out"), ("--resume", "out")])
def test_a_run_that_is_done_gets_its_report_again_and_no_more(done, again, capsys):
    (done / "report.html").unlink()
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    with compilations() as compiled:
        assert train(*again) == 0
    assert not compiled
    printed = capsys.readouterr().out.splitlines()
    assert re.match(r"test loss 0\.\d+ after 8 steps", printed[0])
    assert printed[1:] == ["Report: out/report.html"]
    assert (done / "report.html").exists()
    del before[done / runs.LOCK]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_run_that_diverged_has_ended_too(done, capsys):
    change_summary(done, status="diverged", fault="step 3: loss")
    assert train() == 3
    assert "step 3: loss not finite" in capsys.readouterr().out


def test_a_run_whose_last_state_was_not_saved_is_taken_up(done, capsys):
    shutil.rmtree(done / "checkpoints" / "8")
    assert train() == 0
    assert "epoch 2/2" in capsys.readouterr().out
    assert (done / "checkpoints" / "8").exists()


def test_the_untrained_model_is_measured_once(done, monkeypatch):
    before = json.loads((done / "summary.json").read_text())["untrained"]
    assert before["test_loss"] > 0
    change_summary(done, status="running")
    monkeypatch.setattr(training, "untrained", None)
    assert train() == 0
    assert json.loads((done / "summary.json").read_text())["untrained"] == before


def test_a_folder_that_holds_another_run_is_refused_with_what_differs(done, capsys):
    options = ("--set", "optimizer.learning_rate=0.5", "--set", "model.code=3")
    before = (done / "config.yaml").read_bytes()
    assert train("run.yaml", "--out", "out", *options) == 2
    assert error(capsys) == (
        "out holds another run: model.code is 2 there and 3 here, "
        "optimizer.learning_rate is 0.01 there and 0.5 here. Name another with --out."
    )
    assert (done / "config.yaml").read_bytes() == before


def test_a_config_that_cannot_be_read_is_named(done, capsys):
    (done / "config.yaml").write_text("data: {")
    assert train() == 2
    assert capsys.readouterr().err.startswith("out holds a run that cannot be read: out/config")


def test_a_run_on_other_images_is_refused(done, capsys):
    summary = json.loads((done / "summary.json").read_text())
    summary["data"]["fingerprint"] = "0123456789abcdef"
    (done / "summary.json").write_text(json.dumps(summary))
    assert train() == 2
    pattern = r"a run on other images, of fingerprint 0123456789ab there and [0-9a-f]{12} here\."
    assert re.search(pattern, error(capsys))
    assert json.loads((done / "summary.json").read_text()) == summary


def test_a_run_under_other_settings_of_jax_is_refused_and_one_of_other_versions_is_not(
    done, capsys
):
    numerics = json.loads((done / "summary.json").read_text())["numerics"]
    change_summary(done, numerics=numerics | {"enable_x64": True})
    assert train() == 2
    assert error(capsys) == (
        "out holds a run with enable_x64 True there and False here. Name another folder with --out."
    )
    change_summary(done, numerics=numerics, versions={"jax": "0.1"})
    assert train() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either CONFIG or --resume RUN"),
        (("run.yaml", "--resume", "out"), "give either CONFIG or --resume RUN"),
        (("--resume", "out", "--out", "other"), "--resume goes on in the folder of the run: no"),
        (("--resume", "nowhere"), "nowhere/config.yaml"),
    ],
)
def test_what_to_take_up_must_be_clear(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in error(capsys)


@pytest.mark.parametrize("arguments", [("--resume", "out"), ("run.yaml", "--out", "out")])
def test_a_run_goes_on_for_longer_as_if_it_had_been_longer_from_the_beginning(done, arguments):
    assert train(*arguments, "--set", "training.epochs=4") == 0
    assert train("run.yaml", "--out", "longer", "--set", "training.epochs=4") == 0
    one, other = load("out"), load("longer")
    states = [run.state._replace(key=jax.random.key_data(run.state.key)) for run in (one, other)]
    jax.tree.map(np.testing.assert_array_equal, *states)
    losses = [[(r.train_loss, r.test_loss) for r in run.rows] for run in (one, other)]
    assert len(losses[0]) == 4
    assert losses[0] == losses[1]
    assert (one.summary.status, one.config) == ("done", other.config)
    with compilations() as compiled:
        assert train(*arguments, "--set", "training.epochs=4") == 0
    assert not compiled


def test_a_run_that_ended_before_its_patience_is_not_made_again():
    # At this rate the first epoch is the best.
    settings = ("optimizer.learning_rate=1", "training.patience=50", "training.epochs=3")
    options = [word for setting in settings for word in ("--set", setting)]
    assert train("run.yaml", "--out", "out", *options) == 0
    summary = runs.read_summary(Path("out"))
    assert (summary.status, summary.last.epoch) == ("done", 1)
    with compilations() as compiled:
        assert train("run.yaml", "--out", "out", *options) == 0
    assert not compiled


def test_a_run_that_cannot_go_on_to_another_length_says_why(done, capsys):
    assert train("--resume", "out", "--set", "training.epochs=1") == 2
    assert "out holds a run of 2 epochs, which cannot go on to 1: it has done 2." in error(capsys)
    schedule = "{name: cosine_annealing, max_value: 1e-2, min_value: 0, duration: run}"
    rate = f"optimizer.learning_rate={schedule}"
    assert train("run.yaml", "--out", "timed", "--set", rate) == 0
    capsys.readouterr()
    assert train("--resume", "timed", "--set", "training.epochs=3") == 2
    assert "its length, optimizer.learning_rate.duration (run), would have been" in error(capsys)
    assert train("--resume", "out", "--set", "training.batch_size=256") == 2
    assert "out holds another run: training.batch_size is 512 there" in error(capsys)


def test_a_run_of_a_sweep_or_a_comparison_keeps_its_length(done, capsys):
    name = runs.run_id(load_run("run.yaml").identity())
    shutil.copytree("out", name)
    assert train("--resume", name, "--set", "training.epochs=3") == 2
    assert f"{name} holds a run of 2 epochs, which cannot go on to 3 there" in error(capsys)
    assert train("--resume", name) == 0


def test_a_folder_in_which_another_process_writes_is_refused(done, capsys):
    before = {path.name: path.read_bytes() for path in done.iterdir() if path.is_file()}
    with runs.lock(done):
        assert train() == 2
    assert re.fullmatch(rf"out is in use by process {os.getpid()} on .*", error(capsys))
    del before[runs.LOCK]
    assert all((done / name).read_bytes() == content for name, content in before.items())


def test_a_command_that_was_killed_at_once_may_be_repeated(tmp_path):
    (tmp_path / "out").mkdir()
    for name in (runs.LOCK, ".write-test", ".config.yaml.draft"):
        (tmp_path / "out" / name).write_text("torn")
    assert train() == 0


def refuse(number, text):
    def act(self, *_, **__):
        raise OSError(number, text, str(self))

    return act


@pytest.mark.parametrize(
    ("method", "number", "text"),
    [
        ("mkdir", 13, "Permission denied"),
        ("open", 30, "Read-only file system"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_training(
    method, number, text, monkeypatch, capsys
):
    normal = getattr(Path, method)

    def act(self, *arguments, **options):
        inside = self.absolute().is_relative_to(Path("out").absolute())
        wrong = refuse(number, text) if inside else normal
        return wrong(self, *arguments, **options)

    monkeypatch.setattr(Path, method, act)
    assert train() == 2
    assert error(capsys) == f"out: cannot write here: {text}."


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_is_no_folder(out, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert train("run.yaml", "--out", out) == 2
    assert error(capsys).startswith(f"{out}: cannot write here: ")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_is_full_at_the_end_is_told_in_one_line(done, monkeypatch, capsys):
    log = (done / "metrics.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(report, "write_run_report", refuse(28, "No space left on device"))
        assert train() == 1
    assert "No space left on device" in error(capsys)
    assert train() == 0
    assert (done / "metrics.jsonl").read_bytes() == log


@pytest.mark.parametrize(
    ("on_non_finite", "where"),
    [
        ("abort", r"step \d: loss.*, gradient of \S+ not finite"),
        ("restore", r"step \d: loss.*, gradient of \S+ not finite"),
        ("skip", r"epoch 1, whose loss is not finite, as first of all step \d: loss.*"),
    ],
)
def test_what_is_not_finite_is_named_with_its_step(on_non_finite, where, tmp_path, capsys):
    (tmp_path / "run.yaml").write_text(RUN.replace("adam", "sgd").replace("1e-2", "1e30"))
    settings = ("model.output=linear", f"training.on_non_finite={on_non_finite}")
    settings = (*settings, "checkpoints.every_steps=1")  # Somewhere to go back to.
    options = [word for setting in settings for word in ("--set", setting)]
    assert train("run.yaml", *options, "--out", "out") == 3
    last = capsys.readouterr().out.splitlines()[-2]
    assert re.fullmatch(rf"diverged in {where}\. Lower the learning rate\.", last)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert re.match(r"step \d: loss", summary["fault"])


def test_durations_do_not_follow_a_clock_that_jumps_back(tmp_path, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    assert train() == 0
    rows = runs.read_rows(tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    durations = [value for name, value in summary.items() if name.endswith("seconds")]
    assert len(durations) == 3
    assert min(durations + [row.seconds for row in rows]) >= 0


def test_a_log_that_begins_again_holds_every_epoch_once(tmp_path):
    shown = []
    recorder = Recorder(tmp_path, 3, 10, lambda _text, step=1, **_: shown.append(step))
    rows = [EpochRow(n, n, 0.1, 0.1, 0.1, 0.1, 1.0, 0.1, {}) for n in (1, 2, 3)]
    recorder.start([])
    for row in rows[:2]:
        recorder.epoch(row)
    for kept in (1, 0):
        recorder.start(rows[:kept])
        assert sum(shown) == kept
        assert [row.epoch for row in runs.read_rows(tmp_path)] == [1, 2, 3][:kept]
    for row in rows:
        recorder.epoch(row)
    recorder.close()
    assert [row.epoch for row in runs.read_rows(tmp_path)] == [1, 2, 3]
    assert sum(shown) == 3


@pytest.fixture
def at_epoch(monkeypatch):
    """Return a function that has something done when the first epoch is over."""

    def at_epoch(action):
        original = Recorder.epoch

        def epoch(self, row):
            monkeypatch.setattr(Recorder, "epoch", original)
            action()
            original(self, row)

        monkeypatch.setattr(Recorder, "epoch", epoch)

    return at_epoch


def test_a_folder_that_is_removed_meanwhile_ends_its_run_and_is_not_made_anew(
    at_epoch, tmp_path, capsys
):
    at_epoch(lambda: shutil.rmtree(tmp_path / "out"))
    assert train("run.yaml", "--out", "out", "--set", "training.epochs=1000") == 1
    assert error(capsys) == "out was removed or moved in mid-run, which has ended the run."
    assert not (tmp_path / "out").exists()
    assert train() == 0


def test_a_config_that_is_removed_meanwhile_is_written_again(at_epoch, tmp_path):
    at_epoch((tmp_path / "out" / "config.yaml").unlink)
    assert train() == 0
    assert train() == 0


@pytest.mark.parametrize("name", [runs.LOCK, ".write-test", ".config.yaml.draft"])
def test_a_link_in_a_folder_leads_to_no_harm(name, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "precious")
    assert train() == (2 if name == runs.LOCK else 0)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_pipe_is_a_config_if_somebody_writes_to_it(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    for pipe in (tmp_path / "out" / "config.yaml", tmp_path / "pipe"):
        os.mkfifo(pipe)
    for arguments in (("run.yaml", "--out", "out"), ("--resume", "out"), ("pipe",)):
        assert train(*arguments) == 2
        assert error(capsys).endswith("cannot be read: it is a pipe that nobody writes to.")
    with subprocess.Popen(["/bin/sh", "-c", "cat run.yaml > pipe"]):
        time.sleep(0.2)
        assert train("pipe", "--out", "new", "--set", "data=1") == 2
    assert "data: expected" in error(capsys)


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path):
    command = [sys.executable, "-m", "ae_optax", "train", "run.yaml", "--out", "out"]
    with subprocess.Popen(
        [*command, "--set", "training.epochs=20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["status"], summary["last"]["epoch"]) == ("done", 20)
