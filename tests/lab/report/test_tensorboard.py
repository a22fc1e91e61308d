"""Events for TensorBoard, read back as TensorBoard reads them."""

import struct

import pytest
from made_up import example, fill
from made_up_runs import fill_run, rows_of

pytest.importorskip("tensorboardX")

from ae_optax.lab import runs
from ae_optax.lab.report import write_events


def events_of(folder):
    """Return (tag, step, value) of all events; an image's value is its kind."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                it = value.simple_value if kind == "simple_value" else kind
                found.append((value.tag, event.step, it, event.wall_time))
    return found


def test_a_training_run_gives_its_numbers_and_images(tmp_path):
    write_events(fill_run(tmp_path, rows=rows_of([0.5, None])))
    found = events_of(tmp_path / "tensorboard")
    scalars = {(tag, step): value for tag, step, value, _ in found if isinstance(value, float)}
    assert scalars["test/loss", 10] == 0.5
    assert ("test/loss", 20) not in scalars
    assert scalars["test/psnr", 20] == 12
    assert scalars["optimizer/learning_rate", 10] == pytest.approx(0.1)
    assert scalars["optimizer/clip/norm_before", 20] == 2
    assert {tag for tag, *_ in found if tag.startswith("epoch")} == set()
    assert any(tag.startswith("reconstructions") and value == "image" for tag, _, value, _ in found)
    times = {step: time for tag, step, _, time in found if tag == "optimizer/learning_rate"}
    assert times[20] - times[10] == pytest.approx(0.2, abs=1e-3)


def test_a_comparison_gives_a_run_for_each_rate_and_seed(tmp_path):
    comparison = example()
    comparison["contenders"] = comparison["contenders"][:1]
    comparison["contenders"][0]["label"] = "../<adam>"
    run = comparison["contenders"][0]["runs"][0]
    fill(tmp_path, comparison)
    write_events(tmp_path)
    folders = {path.parent for path in (tmp_path / "tensorboard").rglob("events*")}
    assert len(folders) == 27
    first = next(f for f in folders if f.parts[-2:] == ("0.0001", "seed_0"))
    assert first.is_relative_to(tmp_path / "tensorboard")
    scalars = {(tag, step): value for tag, step, value, _ in events_of(first)}
    assert scalars["test/loss", 11] == pytest.approx(run["test_loss"][1])
    assert scalars["train/loss", 220] == pytest.approx(run["train_loss"][-1])


def test_settings_of_a_comparison_are_told_apart(tmp_path):
    comparison = example()
    comparison["contenders"] = comparison["contenders"][:1]
    for run in comparison["contenders"][0]["runs"]:
        run["values"] = {"b1": 0.5 if run["setting"] % 2 else 0.9}
        run["learning_rate"] = 0.1
    write_events(fill(tmp_path, comparison))
    folders = {path.parent for path in (tmp_path / "tensorboard").rglob("events*")}
    assert {folder.parent.name for folder in folders} == {"0.1_b1=0.5", "0.1_b1=0.9"}


def test_a_sweep_gives_the_runs_that_lie_beside_it(tmp_path):
    trials = []
    for rate in (0.1, 0.01):
        its = [runs.SweptRun(f"{rate}-{seed}", seed, "done", *[None] * 5) for seed in (0, 1)]
        trials.append(runs.TrialRecord({"optimizer.learning_rate": rate}, *[None] * 3, runs=its))
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    runs.write_sweep(sweep, runs.SweepRecord([0, 1], "validation_loss", {}, trials))
    with pytest.raises(runs.DamagedError, match="a sweep none of whose runs lies beside it"):
        write_events(sweep)
    for name in ("0.1-0", "0.1-1", "0.01-0"):  # One has failed.
        fill_run(tmp_path / name)
    write_events(sweep)
    folders = {path.parent for path in (sweep / "tensorboard").rglob("events*")}
    assert {folder.relative_to(sweep / "tensorboard").as_posix() for folder in folders} == {
        "1_optimizer.learning_rate=0.1/seed_0",
        "1_optimizer.learning_rate=0.1/seed_1",
        "2_optimizer.learning_rate=0.01/seed_0",
    }
    assert ("test/loss", 10) in {(tag, step) for tag, step, *_ in events_of(min(folders))}


def test_events_that_are_there_are_replaced(tmp_path):
    fill_run(tmp_path)
    write_events(tmp_path)
    count = len(events_of(tmp_path / "tensorboard"))
    write_events(tmp_path)
    assert len(events_of(tmp_path / "tensorboard")) == count
