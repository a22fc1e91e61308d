"""Processes that are killed, and processes that save together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from checkpointed import assert_same_bits
from environments import eight_devices
from killed import numbers

import ae_optax
from ae_optax.lab.checkpoints import Checkpoints

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ae_optax.__file__).parents[1])}


# F1.


@pytest.mark.slow
def test_a_kill_at_any_time_leaves_the_newest_complete_step_intact(tmp_path):
    random = np.random.default_rng(0)
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, HERE / "killed.py", tmp_path],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        ) as process:
            # One save is complete, however long its start took; now some more and a part of one.
            told = [int(process.stdout.readline()) for _ in range(2)]
            time.sleep(random.uniform(0.0, 1.0))
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout]
        checkpoints = Checkpoints(tmp_path)
        restored = checkpoints.restore(numbers(0))
        assert restored.skipped == ()
        assert restored.step == checkpoints.steps()[-1] >= max(told) - 1
        assert_same_bits(restored.state, numbers(restored.step))
    assert restored.step >= 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_save_and_restore_together(tmp_path):
    address = f"localhost:{free_port()}"
    processes = [
        subprocess.Popen(
            [sys.executable, HERE / "two_processes.py", address, str(i), tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        for i in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert all(output.endswith("done\n") for output in outputs)
    assert Checkpoints(tmp_path).steps() == [2, 3]


EIGHT = """
import sys
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from ae_optax.lab.checkpoints import Checkpoints

spread = NamedSharding(jax.make_mesh((8,), ("data",)), PartitionSpec("data"))
saved = {"w": jax.device_put(jnp.arange(32.0).reshape(16, 2), spread)}
saved["keys"] = jax.device_put(jax.random.split(jax.random.key(0), 8), spread)
with Checkpoints(sys.argv[1]) as checkpoints:
    checkpoints.save(0, saved)
    restored = checkpoints.restore(saved).state
    assert restored["w"].sharding == restored["keys"].sharding == spread
    np.testing.assert_array_equal(restored["w"], saved["w"])
    assert (restored["keys"] == saved["keys"]).all()
    alone = checkpoints.restore(jax.eval_shape(lambda: saved)).state  # One device is enough.
    np.testing.assert_array_equal(alone["w"], saved["w"])
    assert len(alone["w"].sharding.device_set) == 1
"""


def test_a_state_on_eight_devices_comes_back_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EIGHT, tmp_path],
        env=ENVIRONMENT | eight_devices(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_saving_and_restoring_take_one_copy_of_the_state_and_little_more():
    worker = HERE.parents[2] / "experiments" / "benchmarks" / "memory_worker.py"
    done = subprocess.run(
        [sys.executable, worker, "keeping"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    times = {what: peak["peak"] / peak["unit"] for what, peak in found.items()}
    assert times["saving"] < 1.3  # The copy on the host.
    assert times["restoring"] < 1.3  # The state itself.
    assert times["verifying"] < 0.4
