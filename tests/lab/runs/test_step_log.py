"""The log of single steps is what was told last of each."""

import numpy as np
import pytest

from ae_optax.lab.runs import STEPS, DamagedError, StepLog, read_steps


def steps(*at, loss=0.5):
    return {"step": np.array(at), "loss": np.full(len(at), loss, np.float32)}


def test_it_is_read_as_it_was_written(tmp_path):
    log = StepLog(tmp_path)
    assert read_steps(tmp_path) == {}
    third = np.float32(1 / 3)
    log.write(steps(2, 4, loss=third))
    log.write(steps(6, loss=np.nan))
    found = read_steps(tmp_path)
    assert found["step"].tolist() == [2, 4, 6]
    np.testing.assert_array_equal(found["loss"].astype(np.float32), [third, third, np.nan])


def test_steps_that_come_again_replace_those_and_all_thereafter(tmp_path):
    log = StepLog(tmp_path)
    log.write(steps(2, 4, 6, 8))
    log.write(steps(6, loss=1))
    assert read_steps(tmp_path)["step"].tolist() == [2, 4, 6]
    StepLog(tmp_path).write(steps(4, loss=2))  # By a later process.
    found = read_steps(tmp_path)
    assert (found["step"].tolist(), found["loss"].tolist()) == ([2, 4], [0.5, 2])


def test_a_torn_line_is_left_out_and_a_damaged_one_is_named(tmp_path):
    StepLog(tmp_path).write(steps(2, 4))
    path = tmp_path / STEPS
    whole = path.read_text()
    path.write_text(whole + "6,0.")
    assert read_steps(tmp_path)["step"].tolist() == [2, 4]
    path.write_text(whole.replace("2,", "two,"))
    with pytest.raises(DamagedError, match=r"steps\.csv:2: must hold 2 numbers"):
        read_steps(tmp_path)
