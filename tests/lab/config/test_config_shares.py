"""Numbers of steps given as parts of the run: counted by its epochs, its batch and its data."""

import json

import numpy as np
import pytest
from config_fakes import mistakes, write

from ae_optax import schedules
from ae_optax.lab.cli import main
from ae_optax.lab.config import ConfigError, dump
from ae_optax.lab.plans import load_comparison, load_run, load_sweep, make_task
from ae_optax.lab.runs import run_id

# 1600 training images: 25 steps an epoch.
HEAD = """\
data: {name: digits, validation: 97, test: 100}
model: {name: mlp_autoencoder, hidden: [4], code: 2}
loss: {name: mse}
training: {epochs: 4, batch_size: 64}
"""
RUN = f"""{HEAD}\
optimizer:
  name: sgd
  learning_rate:
    name: with_warmup
    schedule: {{name: cosine_annealing, max_value: 1, duration: 95%}}
    duration: 5%
"""
RATE = "optimizer.learning_rate"
FALLING = "{name: linear, init_value: 1, end_value: 0, duration: run}"


def read(folder, text, *overrides):
    return load_run(write(folder, text), overrides)


def timed(config):
    return config.timed(len(make_task(config).data.train))


def rates(config):
    schedule = timed(config).optimizer.arguments["learning_rate"].build()
    return np.array([float(schedule(np.int32(step))) for step in range(100)])


def test_a_part_of_the_run_is_so_many_steps(tmp_path):
    same = schedules.with_warmup(schedules.cosine_annealing(1.0, duration=95), duration=5)
    steps = [float(same(np.int32(step))) for step in range(100)]
    np.testing.assert_allclose(rates(read(tmp_path, RUN)), steps, rtol=1e-6)
    assert rates(read(tmp_path, RUN, f"{RATE}={FALLING}"))[-1] == pytest.approx(0.01)


def test_it_follows_epochs_and_batch_and_is_at_least_one_step(tmp_path):
    config = read(tmp_path, RUN, "training.epochs=8", "training.batch_size=32")
    assert timed(config).optimizer.steps() == (380, 20)
    assert timed(read(tmp_path, RUN, f"{RATE}.duration=0.01%")).optimizer.steps() == (95, 1)


def test_it_is_written_as_it_was_said_and_decides_what_the_run_is(tmp_path):
    config = read(tmp_path, RUN)
    assert "duration: 95%" in dump(config)
    assert read(tmp_path, dump(config)) == config
    assert dump(timed(config)) == dump(config)
    other = read(tmp_path, RUN, f"{RATE}.duration=6%")
    assert run_id(other.identity()) != run_id(config.identity())


def test_lists_and_losses_take_parts_too(tmp_path):
    steps = "{name: multi_step_decay, init_value: 1, factor: 0.1, boundaries: [30, 60%]}"
    assert timed(read(tmp_path, RUN, f"{RATE}={steps}")).optimizer.steps() == (60,)
    loss = RUN.replace(
        "{name: mse}", "{name: total, terms: [{name: mse}, {name: l2_penalty, weight: W}]}"
    )
    config = read(tmp_path, loss.replace("W", FALLING.replace("run", "50%")))
    assert timed(config).loss.steps() == (50,)
    assert make_task(config).loss


def test_contenders_take_parts(tmp_path):
    rate = FALLING.replace("init_value: 1", "init_value: swept")
    optimizer = f"{{optimizer: {{name: sgd, learning_rate: {rate}}}}}"
    text = f"{HEAD}compare: {{learning_rates: [1, 2], contenders: [{optimizer}]}}\n"
    (contender,) = timed(load_comparison(write(tmp_path, text))).contenders
    assert [setting.optimizer.steps() for setting in contender.settings] == [(100,), (100,)]


def test_a_sweep_runs_over_parts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = RUN.replace("epochs: 4", "epochs: 1")
    path = write(tmp_path, f"{text}sweep: {{over: {{{RATE}.duration: [20%, 5]}}}}\n")
    assert [trial.values[f"{RATE}.duration"] for trial in load_sweep(path).trials] == ["20%", 5]
    assert main(["sweep", str(path)]) == 0
    (table,) = tmp_path.glob("runs/*/sweep.json")
    # 20 % of its 25 steps are five.
    losses = [trial["test_loss"] for trial in json.loads(table.read_text())["trials"]]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("new", ["5 %", "0%", "all"])
def test_what_is_no_part_gets_its_line(tmp_path, new):
    wanted = "expected a number or a part of the run such as 5%"
    assert mistakes(read, tmp_path, RUN.replace("duration: 5%", f"duration: {new}")) == [
        f"x.yaml:10:15: {RATE}.duration: {wanted}, got '{new}'."
    ]


def test_other_numbers_take_no_parts(tmp_path):
    (line,) = mistakes(read, tmp_path, RUN.replace("max_value: 1", "max_value: 5%"))
    assert line.endswith(f"{RATE}.schedule.max_value: expected a number, got '5%'.")


WARM = """\
optimizer:
  name: sgd
  learning_rate: {name: optax.warmup_cosine_decay_schedule, init_value: 0, peak_value: 1,
    warmup_steps: STEPS, decay_steps: run}
"""


def test_what_is_wrong_at_some_lengths_only_is_told_when_the_length_is_known(tmp_path, capsys):
    read(tmp_path, HEAD + WARM.replace("STEPS", "20000"))
    assert main(["train", str(tmp_path / "x.yaml"), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("requires positive decay_steps, got decay_steps=-19900.")
    (line,) = mistakes(read, tmp_path, HEAD + WARM.replace("STEPS", "1" + 9 * "0"))
    assert "decay_steps" in line


def test_without_the_data_it_is_not_built(tmp_path):
    with pytest.raises(ConfigError, match="how many steps 95% is depends on the data: take `conf"):
        read(tmp_path, RUN).optimizer.build()
