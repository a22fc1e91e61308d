"""What a run leaves behind as files."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ae_optax.lab import runs

ROWS = [
    runs.EpochRow(i, 7 * i, 1 / i, 2 / i, 3 / i, 0.1, 1.0, 0.5, {"test_ψ": 1.0 * i})
    for i in (1, 2, 3)
]
DATA = runs.DataRecord("digits", "embedded", "0123", "A. U.", 10, 0, 5, [8, 8])
SUMMARY = runs.Summary(
    "running",
    command="ae-optax train x.yaml",
    started="2026-03-01T12:00:00+01:00",
    seeds=[3],
    versions={"jax": "0.10.2"},
    device="CPU",
    data=DATA,
    parameters=9,
    untrained={"test_loss": 4.0},
).ended(ROWS, "done", step=21, compile_seconds=2.5, wall_seconds=5.0)
PICTURES = {"originals": np.zeros((2, 8, 8), np.float32), "code_width": np.array(2)}


def test_a_run_is_named_by_what_decides_its_numbers():
    name = runs.run_id({"a": 1, "b": {"c": [1, 2.5], "d": None}})
    assert runs.run_id({"b": {"d": None, "c": [1.0, 2.5]}, "a": 1.0}) == name
    assert runs.run_id({"b": {"d": None, "c": (1, 2.5)}, "a": 1}) == name
    assert len(name) == 12
    assert int(name, 16) >= 0


@pytest.mark.parametrize("other", [{"a": 2}, {"a": 1, "b": 1}, {"a": [1]}, {"a": "1"}, {"a": True}])
def test_another_run_has_another_name(other):
    assert runs.run_id(other) != runs.run_id({"a": 1})


def test_a_run_is_read_as_it_was_written(tmp_path):
    runs.write_run(tmp_path, "loss: mse\n", ROWS, PICTURES, SUMMARY)
    run = runs.read_run(tmp_path)
    assert (run.rows, run.config) == (ROWS, "loss: mse\n")
    assert replace(run.summary, files={}) == SUMMARY
    assert run.summary.files.keys() == {"images.npz", "metrics.jsonl"}
    found = runs.read_pictures(tmp_path)
    assert found.keys() == PICTURES.keys()
    np.testing.assert_array_equal(found["originals"], PICTURES["originals"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.yaml", "images.npz", "metrics.jsonl", "summary.json",
    }  # fmt: skip


def test_the_end_of_a_run_is_told_by_its_rows():
    assert SUMMARY.last == ROWS[-1]
    assert (SUMMARY.best_test_loss, SUMMARY.training_seconds) == (1.0, 1.5)
    assert (SUMMARY.loss("validation"), SUMMARY.diverged) == (2 / 3, False)
    lost = SUMMARY.ended([replace(ROWS[0], test_loss=math.nan)], "diverged", step=7)
    assert (lost.best_test_loss, lost.diverged) == (None, True)
    assert math.isnan(SUMMARY.ended([], "interrupted", step=3).loss("test"))


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_a_run_is_found_where_it_has_come_to_its_end(tmp_path, status):
    assert runs.find_run(tmp_path) is None
    runs.write_run(tmp_path, "", ROWS, {}, replace(SUMMARY, status=status))
    assert runs.find_run(tmp_path) is None
    assert runs.find_summary(tmp_path).status == status
    runs.write_summary(tmp_path, SUMMARY)
    assert runs.find_run(tmp_path).rows == ROWS


# As `ae-optax train` and `ae-optax sweep` wrote them before summaries had a format.
LOSSES = {"train_loss": 0.3, "validation_loss": None, "test_loss": 0.2}
OF_THE_LAST_ROW = {"epoch": 2, "step": 8, **LOSSES, "learning_rate": 0.1, "plateau_scale": 1.0}
OLD = {
    "status": "done", "untrained": {"test_loss": 1.0}, "parameters": 9, "versions": {},
    "device": "CPU", "command": "ae-optax", "compile_seconds": 2.0, "data": runs.to_json(DATA),
    **OF_THE_LAST_ROW, "test_psnr": 12.5,
}  # fmt: skip
OF_TRAIN = {"started": "", "seeds": [0], "fault": None, "best_test_loss": 0.1}


@pytest.mark.parametrize(
    ("old", "seconds"),
    [
        ({**OLD, **OF_TRAIN, "seconds": 9.0, "training_seconds": 6.0}, (6.0, 9.0)),
        ({**OLD, "seconds": 6.0}, (6.0, None)),
        ({"status": "running", "parameters": 9, "versions": {}, "device": "CPU"}, (0.0, None)),
    ],
    ids=["train", "sweep", "unfinished"],
)
def test_summaries_of_earlier_versions_are_read(tmp_path, old, seconds):
    (tmp_path / "summary.json").write_text(json.dumps(old))
    summary = runs.read_summary(tmp_path)
    assert (summary.training_seconds, summary.wall_seconds) == seconds
    if "epoch" in old:
        assert summary.data == DATA
        assert (summary.step, summary.last.epoch, summary.last.test_loss) == (8, 2, 0.2)
        assert summary.last.metrics == {"test_psnr": 12.5}
        assert math.isnan(summary.last.validation_loss)
        assert math.isnan(summary.last.seconds)
    else:
        assert summary.last is summary.step is None


DAMAGE = {
    b"": "summary.json:1: must hold JSON: Expecting value.",
    b"{": "summary.json:1: must hold JSON: Expecting property name",
    b'{\n"status": "d\xff"}': "summary.json:2: must be text in UTF-8, got other bytes.",
    b"[" * 100_000: "summary.json:1: must hold JSON: ",
    b"9" * 5000: "summary.json:1: must hold JSON: Exceeds the limit ",
    b"null": "summary.json: must hold a JSON object, got null.",
    b"[1]": r"summary.json: must hold a JSON object, got \[1\].",
    b'{"format": 99}': r"summary.json: `format` must lie in \[1, \d+\], got 99: ",
    b'{"format": 4}': "summary.json: must have `status`, got {}.",
    b'{"format": 4, "status": "well"}': '`status` must be one of running, .*, got "well".',
    b'{"format": 4, "status": "done", "last": {"epoch": 1}}': "`last` must have `step`",
    b'{"format": 4, "status": "done", "untrained": {"a": "b"}}': "`untrained.a` must be a number",
    b'{"format": 4, "status": "done", "seeds": [1, 2.5]}': r"`seeds\[1\]` must be an integer",
    b'{"format": 4, "status": "done", "step": 1%s}' % (b"0" * 400): "`step` must be an integer of",
}


@pytest.mark.parametrize("content", DAMAGE)
def test_damage_is_told_in_one_line_with_the_file_and_the_place(tmp_path, content):
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(runs.DamagedError, match=DAMAGE[content]) as raised:
        runs.read_summary(tmp_path)
    assert str(raised.value).startswith(str(tmp_path / "summary.json"))
    assert len(str(raised.value).splitlines()) == 1
    assert runs.find_summary(tmp_path) is None


@pytest.mark.parametrize("name", ["summary.json", "config.yaml", "metrics.jsonl", "images.npz"])
def test_what_is_a_pipe_is_told_and_not_waited_for(tmp_path, name):
    runs.write_run(tmp_path, "", ROWS, PICTURES, SUMMARY)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert runs.damage(tmp_path) == [f"{tmp_path / name}: must be a file, got a pipe or a device."]


def test_pictures_whose_bytes_are_wrong_are_damaged(tmp_path):
    assert runs.read_pictures(tmp_path) == {}
    runs.write_pictures(tmp_path, PICTURES)
    whole = (tmp_path / "images.npz").read_bytes()
    middle = whole.index(b".npy") + 40  # Within the array.
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for content in (b"", b"PK", whole[: len(whole) // 2], flipped):
        (tmp_path / "images.npz").write_bytes(content)
        with pytest.raises(runs.DamagedError, match=r"images\.npz: must hold arrays"):
            runs.read_pictures(tmp_path)


def test_a_log_holds_every_row_as_soon_as_it_is_written(tmp_path):
    log = runs.Log(tmp_path)
    for n, row in enumerate(ROWS, start=1):
        log.write(row)
        assert runs.read_rows(tmp_path) == ROWS[:n]
    log.close()


def test_a_log_that_is_not_there_has_no_rows(tmp_path):
    assert runs.read_rows(tmp_path / "none") == []


def test_a_last_line_torn_at_any_byte_is_left_out_and_written_anew(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = runs.Log(tmp_path, ROWS)
    log.close()
    whole = path.read_bytes()
    last = len(whole) - len(whole.splitlines(keepends=True)[-1])
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert runs.read_rows(tmp_path) == ROWS[:2]
    log = runs.Log(tmp_path, ROWS[:2])
    log.write(ROWS[2])
    log.close()
    assert path.read_bytes() == whole


def test_rows_after_the_step_a_run_is_taken_up_from_are_gone(tmp_path):
    runs.Log(tmp_path, ROWS).close()
    log = runs.Log(tmp_path, ROWS[:1])
    assert runs.read_rows(tmp_path) == ROWS[:1]
    log.write(ROWS[1])
    log.close()
    assert runs.read_rows(tmp_path) == ROWS[:2]


@pytest.mark.parametrize(
    ("line", "message"),
    [('{"a"', "must hold JSON"), ('{"a": 1}', "must have `epoch`"), ("1", "must be an object")],
)
def test_a_line_that_is_broken_in_the_middle_is_named(tmp_path, line, message):
    runs.Log(tmp_path, ROWS[:1]).close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(runs.DamagedError, match=rf"metrics.jsonl:2: {message}"):
        runs.read_rows(tmp_path)


def test_numbers_that_are_not_finite_are_null_in_files_and_nan_in_memory(tmp_path):
    lost = replace(ROWS[0], test_loss=math.inf, metrics={"kl": math.nan})
    runs.Log(tmp_path, [lost]).close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert '"test_loss": null' in text
    assert '"kl": null' in text
    (row,) = runs.read_rows(tmp_path)
    assert math.isnan(row.test_loss)
    assert math.isnan(row.metrics["kl"])


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    runs.write_file(path, "old")
    runs.write_file(path, b"new")
    assert path.read_text() == "new"

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as raised:
        runs.write_file(path, "newer")
    assert raised.value.filename == str(path)
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


HOLD = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.lock(pathlib.Path(sys.argv[2])):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    module = sys.modules[runs.lock.__module__].__file__
    command = [sys.executable, "-c", HOLD, module, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_a_dead_ones_lock_is_taken_over(tmp_path, holder):
    with (
        pytest.raises(runs.FolderInUseError, match=rf"is in use by process {holder.pid} on "),
        runs.lock(tmp_path),
    ):
        pass
    assert runs.is_in_use(tmp_path)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert not runs.is_in_use(tmp_path)
    assert json.loads((tmp_path / runs.LOCK).read_text())["pid"] == holder.pid
    with runs.lock(tmp_path):
        assert json.loads((tmp_path / runs.LOCK).read_text())["pid"] == os.getpid()
    with runs.lock(tmp_path):
        pass


def test_a_lock_that_says_nothing_still_locks(tmp_path, holder):
    (tmp_path / runs.LOCK).write_text("")
    with (
        pytest.raises(runs.FolderInUseError, match="in use by another process"),
        runs.lock(tmp_path),
    ):
        pass


def test_who_waits_is_told_for_whom_and_goes_on_when_the_other_has_ended(tmp_path, holder):
    told = []

    def on_wait(owner):
        told.append(owner)
        holder.kill()

    with runs.lock(tmp_path, on_wait=on_wait):
        assert re.search(rf"is in use by process {holder.pid} on ", told[0])


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "lock").symlink_to("mine")
    with pytest.raises(OSError, match="symbolic"), runs.lock(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_lock_that_is_a_pipe_is_told(tmp_path):
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(OSError, match="lock is no file"), runs.lock(tmp_path):
        pass


def test_drafts_of_processes_that_were_killed_are_cleared_away(tmp_path):
    old, new = tmp_path / ".summary.json.0123.draft", tmp_path / ".summary.json.4567.draft"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    with runs.lock(tmp_path):
        assert (old.exists(), new.exists()) == (False, True)
