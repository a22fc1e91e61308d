"""What a run leaves behind as files."""

import json
import os
import signal
import subprocess
import sys

import pytest

from ae_optax.lab import runs

ROWS = [{"epoch": i, "step": 7 * i, "loss": 1 / i, "text": "ε"} for i in (1, 2, 3)]


def test_a_run_is_named_by_what_decides_its_numbers():
    name = runs.run_id({"a": 1, "b": {"c": [1, 2.5], "d": None}})
    assert runs.run_id({"b": {"d": None, "c": [1.0, 2.5]}, "a": 1.0}) == name
    assert runs.run_id({"b": {"d": None, "c": (1, 2.5)}, "a": 1}) == name
    assert len(name) == 12
    assert int(name, 16) >= 0


@pytest.mark.parametrize("other", [{"a": 2}, {"a": 1, "b": 1}, {"a": [1]}, {"a": "1"}, {"a": True}])
def test_another_run_has_another_name(other):
    assert runs.run_id(other) != runs.run_id({"a": 1})


def test_a_log_holds_every_row_as_soon_as_it_is_written(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = runs.MetricsLog(path)
    for n, row in enumerate(ROWS, start=1):
        log.write(row)
        assert runs.read_rows(path) == ROWS[:n]
    log.close()


def test_a_log_that_is_not_there_has_no_rows(tmp_path):
    assert runs.read_rows(tmp_path / "none") == []


def test_a_last_line_torn_at_any_byte_is_left_out_and_written_anew(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = runs.MetricsLog(path, ROWS)
    log.close()
    whole = path.read_bytes()
    last = len(whole) - len(whole.splitlines(keepends=True)[-1])
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert runs.read_rows(path) == ROWS[:2]
        log = runs.MetricsLog(path, ROWS[:2])
        log.write(ROWS[2])
        log.close()
        assert path.read_bytes() == whole


def test_rows_after_the_step_a_run_is_taken_up_from_are_gone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    runs.MetricsLog(path, ROWS).close()
    log = runs.MetricsLog(path, ROWS[:1])
    assert runs.read_rows(path) == ROWS[:1]
    log.write(ROWS[1])
    log.close()
    assert runs.read_rows(path) == ROWS[:2]


def test_a_line_that_is_broken_in_the_middle_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n{"a"\n{"a": 3}\n')
    with pytest.raises(ValueError, match=r"metrics.jsonl:2: this is no row of a log"):
        runs.read_rows(path)


def test_numbers_that_are_not_finite_are_no_json(tmp_path):
    log = runs.MetricsLog(tmp_path / "metrics.jsonl")
    with pytest.raises(ValueError, match="JSON compliant"):
        log.write({"loss": float("nan")})
    log.close()


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    runs.write_atomically(path, "old")
    runs.write_atomically(path, "new")
    assert path.read_text() == "new"

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        runs.write_atomically(path, "newer")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_json_that_is_broken_or_absent_is_none(tmp_path):
    path = tmp_path / "file"
    assert runs.read_json(path) is None
    path.write_text('{"a":')
    assert runs.read_json(path) is None
    path.write_text('{"a": 1}')
    assert runs.read_json(path) == {"a": 1}


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
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
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
