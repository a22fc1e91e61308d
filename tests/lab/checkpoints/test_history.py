"""The rows of a run: one file beside the steps, of which each step vouches for a beginning."""

import json
import os

import pytest
from checkpointed import assert_same_bits, state
from faults import full_disk

from ae_optax.lab.checkpoints import CheckpointError, Checkpoints

ROWS = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}, {"epoch": 3, "loss": 0.125}]


@pytest.fixture
def folder(tmp_path):
    """A folder with steps 1 and 3, and as many rows."""
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 3):
            checkpoints.save(step, state(step), rows=ROWS[:step])
    return tmp_path


@pytest.fixture
def history(folder):
    return folder / "history.jsonl"


def restore(folder, log=None, damage=""):
    restored = Checkpoints(folder, log=log).restore(state())
    assert_same_bits(restored.state, state(restored.step))
    assert restored.rows == (ROWS[: restored.step] if log or not damage else [])
    assert damage in restored.rows_damage
    assert bool(damage) == bool(restored.rows_damage)
    return restored.step


def test_rows_are_written_once_and_every_step_gives_its_own(folder, history):
    assert [json.loads(line) for line in history.read_text().splitlines()] == ROWS
    assert all("loss" not in path.read_text() for path in folder.rglob("manifest/metadata"))
    assert restore(folder) == 3
    assert Checkpoints(folder).restore(state(), 1).rows == ROWS[:1]


def test_a_file_torn_at_any_byte_costs_the_rows_and_no_step(folder, history):
    content = history.read_bytes()
    for length in {0, 1, len(content) - 2, len(content) - 1, len(content)}:
        history.write_bytes(content[:length])
        # A row is whole without the end of its line.
        damage = "" if length >= len(content) - 1 else "history.jsonl is damaged: its first 3 rows"
        assert restore(folder, damage=damage) == 3


@pytest.mark.parametrize(
    ("instead", "damage"),
    [(None, "cannot be read: No such"), (os.mkdir, "is no file"), (os.mkfifo, "is no file")],
)
def test_a_file_that_is_not_there_costs_the_rows_and_no_step(folder, history, instead, damage):
    log = folder / "log.jsonl"
    history.rename(log)
    if instead is not None:
        instead(history)
    assert restore(folder, damage=f"history.jsonl {damage}") == 3
    assert [step for step, _ in Checkpoints(folder).damaged()] == [1, 3]
    assert restore(folder, log=log, damage=f"history.jsonl {damage}") == 3


def test_a_pipe_in_its_place_gives_way(tmp_path):
    os.mkfifo(tmp_path / "history.jsonl")
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state(3), rows=ROWS)
    assert restore(tmp_path) == 3


def test_a_digit_changed_costs_only_the_steps_that_have_its_row(folder, history):
    history.write_text(history.read_text().replace("0.125", "0.126"))
    [(step, reason)] = Checkpoints(folder).damaged()
    assert (step, reason) == (
        3,
        "history.jsonl is damaged: its first 3 rows are not those saved",
    )


@pytest.mark.parametrize("tail", [b'{"epoch": 2, "lo', b'{"epoch": 2, "loss": 9.0}\n', b"\xff"])
def test_what_an_interrupted_save_left_behind_gives_way_to_the_rows_of_the_next(tail, tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1), rows=ROWS[:1])
        checkpoints.wait()
        with (tmp_path / "history.jsonl").open("ab") as file:
            file.write(tail)
        assert restore(tmp_path) == 1
        checkpoints.save(3, state(3), rows=ROWS)
    assert restore(tmp_path) == 3
    assert Checkpoints(tmp_path).restore(state(), 1).rows == ROWS[:1]
    assert len((tmp_path / "history.jsonl").read_bytes().splitlines()) == 3


def test_a_damaged_file_is_mended_by_the_next_save_of_the_run(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1), rows=ROWS[:1])
        checkpoints.wait()
        (tmp_path / "history.jsonl").write_text("")
        checkpoints.save(3, state(3), rows=ROWS)
    assert Checkpoints(tmp_path).damaged() == []


def test_a_disk_that_is_full_within_the_rows_costs_no_step(tmp_path):
    many = [{"epoch": n, "text": "x" * 100} for n in range(100)]
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(0, state(0), rows=many[:1])
        checkpoints.wait()
        with full_disk(1000):
            checkpoints.save(1, state(1), rows=many)
            with pytest.raises(CheckpointError, match="File too large"):
                checkpoints.wait()
        assert checkpoints.restore(state()).rows == many[:1]
        checkpoints.save(1, state(1), rows=many)
        assert checkpoints.restore(state()).rows == many
    assert Checkpoints(tmp_path).damaged() == []


class Counted(list):
    """Rows that count how often one is looked at."""

    looks = 0

    def __getitem__(self, at):
        found = super().__getitem__(at)
        self.looks += len(found) if isinstance(at, slice) else 1
        return found


def test_what_a_save_costs_does_not_depend_on_how_many_rows_were_saved_before(tmp_path):
    rows = Counted()
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step in range(8):
            rows.append({"epoch": step})
            checkpoints.save(step, state(step), rows=rows)
    assert rows.looks == 8 + 7  # The new one, and the last of those before.
    assert Checkpoints(tmp_path).restore(state()).rows == rows


def test_rows_that_were_given_up_are_replaced_by_others(tmp_path):
    other = [ROWS[0], {"epoch": 2, "loss": 9.0}, ROWS[2]]
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 3):
            checkpoints.save(step, state(step), rows=ROWS[:step])
        checkpoints.discard_after(1)
        checkpoints.save(3, state(3), rows=other)
        assert checkpoints.restore(state()).rows == other
        assert checkpoints.restore(state(), 1).rows == ROWS[:1]
    assert Checkpoints(tmp_path).damaged() == []


def test_rows_that_json_cannot_say_are_refused(tmp_path):
    with pytest.raises(TypeError, match="`rows` must hold JSON values only"):
        Checkpoints(tmp_path).save(1, state(), rows=[{1, 2}])
