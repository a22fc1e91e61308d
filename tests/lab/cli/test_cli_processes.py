"""Two processes that train one run together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from ae_optax.lab.cli import main
from ae_optax.lab.cli._processes import _bind_address

RUN = """\
# Question: does it run?
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 256}
"""
MESH = ["--set", "training.mesh.batch=2", "--set", "training.mesh.shard_parameters=true"]
HEARTBEAT = 10  # Seconds.


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


@pytest.fixture
def start(folder):
    started = []

    def both(*more, second=()):
        """Start two processes, the first by flags and the second by variables."""
        address = f"localhost:{free_port()}"
        command = [sys.executable, "-m", "ae_optax", "train", "run.yaml", "--out", "out", *MESH]
        command += [*more, "--heartbeat", str(HEARTBEAT)]
        flags = ["--coordinator", address, "--processes", "2", "--process", "0"]
        alone = {"JAX_PLATFORMS": "cpu", "AE_OPTAX_COMPILATION_CACHE": "off"}
        place = {
            "JAX_COORDINATOR_ADDRESS": address,
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": "1",
        }
        for number, (arguments, variables) in enumerate(((flags, {}), (second, place))):
            with (folder / f"output{number}").open("w") as output:
                started.append(
                    subprocess.Popen(
                        [*command, *arguments],
                        env=os.environ | alone | variables,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )
        return started[-2:]

    yield both
    for process in started:
        process.kill()
        process.wait()


def losses_of(path):
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [[row["train_loss"], row["validation_loss"], row["test_loss"]] for row in rows]


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(folder, start):
    both = start()
    assert main(["train", "run.yaml", "--out", "one"]) == 0
    codes = [process.wait(timeout=300) for process in both]
    outputs = [(folder / f"output{number}").read_text() for number in (0, 1)]
    assert codes == [0, 0], outputs
    # Sums in another order, and nothing else, may differ.
    np.testing.assert_allclose(losses_of(folder / "out"), losses_of(folder / "one"), atol=1e-6)
    assert {path.name for path in (folder / "out").iterdir()} == {
        path.name for path in (folder / "one").iterdir()
    }
    assert "epoch 2/2" in outputs[0]
    assert "epoch" not in outputs[1]
    # Once it is done, both know without training.
    assert [process.wait(timeout=300) for process in start()] == [0, 0]
    said = (folder / "output0").read_text()
    assert "test loss " in said
    assert "epoch" not in said


@pytest.mark.slow
def test_a_process_that_was_given_another_run_is_told_what_differs(folder, start):
    both = start(second=["--set", "optimizer.learning_rate=0.5", "--set", "training.seed=3"])
    assert [process.wait(timeout=300) for process in both] == [2, 2]
    first, second = ((folder / f"output{number}").read_text() for number in (0, 1))
    assert "process 0 of 2: another one has a mistake, or another run" in first
    assert (
        "process 1 of 2 was given another run than the first: "
        "optimizer.learning_rate is 0.01 there and 0.5 here, training.seed is 0 there and 3 here."
    ) in second
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("coordinator", "where"),
    [
        ("127.0.0.1:1234", "127.0.0.1:1234"),
        ("localhost:1234", "localhost:1234"),
        # Documentation addresses are no machine's.
        ("192.0.2.1:1234", "[::]:1234"),
    ],
)
def test_the_first_process_listens_where_it_is_told_to(coordinator, where):
    assert _bind_address(coordinator) == where


def wait_for_epochs(folder, count, seconds=300):
    for _ in range(seconds * 5):
        log = folder / "out" / "metrics.jsonl"
        if log.exists() and len(log.read_text().splitlines()) > count:
            return
        time.sleep(0.2)
    pytest.fail((folder / "output0").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_when_one_dies_the_other_ends_and_a_restart_goes_on(folder, start, killed):
    more = ("--set", "training.epochs=100000", "--set", "checkpoints.every_minutes=0")
    both = start(*more)
    wait_for_epochs(folder, 3)
    both[killed].kill()
    died = time.monotonic()
    assert both[1 - killed].wait(timeout=HEARTBEAT + 60) not in (0, None)
    assert time.monotonic() - died < HEARTBEAT + 10
    done = len(losses_of(folder / "out"))
    again = start(*more)
    for _ in range(1500):
        if "taken up after epoch" in (folder / "output0").read_text():
            break
        time.sleep(0.2)
    wait_for_epochs(folder, done + 2)
    again[1].send_signal(signal.SIGTERM)  # Either of them may be told to stop.
    assert [process.wait(timeout=120) for process in again] == [143, 143]
    assert "taken up after epoch" in (folder / "output0").read_text()
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["status"] == "interrupted"


MISTAKES = {
    "also needs --processes or JAX_NUM_PROCESSES and --process or JAX_PROCESS_ID": [
        *("--coordinator", "localhost:1"),
    ],
    "`process` must lie in [0, 2), got 2": [
        *("--coordinator", "localhost:1", "--processes", "2", "--process", "2"),
    ],
    "`coordinator` must be HOST:PORT, got 'localhost'": [
        *("--coordinator", "localhost", "--processes", "2", "--process", "0"),
    ],
    "`heartbeat` must be at least 1 second, got 0": [
        *("--coordinator", "localhost:1", "--processes", "1", "--process", "0"),
        *("--heartbeat", "0"),
    ],
    "`mesh.batch` must be at most 1, the devices there are, got 2": ["--set", MESH[1]],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_place_among_processes_that_is_none(message, capsys):
    assert main(["train", "run.yaml", "--out", "out", *MISTAKES[message]]) == 2
    assert message in capsys.readouterr().err


def test_the_environment_counts_processes(capsys, monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "two")
    monkeypatch.setenv("JAX_PROCESS_ID", "0")
    assert main(["train", "run.yaml", "--out", "out"]) == 2
    assert "processes are counted: " in capsys.readouterr().err
