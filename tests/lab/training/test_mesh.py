"""Runs on several devices: eight that one CPU stands for, in a process of their own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import eight_devices
from jax.sharding import PartitionSpec

import ae_optax as ao
from ae_optax.lab import losses, models, training
from ae_optax.lab.training._mesh import split_longest

SUMS = 1e-6  # Sums in another order, and nothing else, may differ.


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("eight_devices.py"),
            tmp_path_factory.mktemp("runs"),
        ],
        env=eight_devices(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_images_that_are_read_in_use_are_read_once_for_eight_devices(found):
    assert found["streamed"] == found["batch"]
    # One for the shape, the sample, and of two epochs three batches of 16 each.
    assert found["read at a time"][:4] == [1, 40, 48, 48]


TWO = """
import json, sys
import jax, numpy as np
import ae_optax
from ae_optax.lab import data, losses, models, training
jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
images = np.random.default_rng(0).integers(0, 256, size=(58, 4, 4), dtype=np.uint8)
read = []

class Watched(list):
    def __getitem__(self, position):
        read.append(position)
        return images[position]

source = data.from_source(Watched(images), validation=0, test=10)
del read[:]
task = training.Task(models.mlp_autoencoder([6], 2), losses.mse(), source)
settings = training.Settings(epochs=1, batch_size=8, mesh=training.Mesh(2))
row = training.fit(task, ae_optax.adam(1e-2), settings).rows[-1]
print(json.dumps([read[:24], [row.train_loss, row.test_loss]]))
"""


@pytest.mark.slow
@pytest.mark.slow
def test_two_processes_read_disjoint_shares(tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, address, str(number)],
            env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    (first, its), (second, theirs) = (json.loads(out.splitlines()[-1]) for out, _ in said)
    assert its == theirs
    assert len({*first, *second}) == 48  # All of the first epoch, whose second is read ahead.


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["batch", "sharded"])
def test_eight_devices_give_the_losses_of_one(found, kind):
    np.testing.assert_allclose(found[kind], found["one"], rtol=0, atol=SUMS)
    assert len(found[kind]) == 2


@pytest.mark.slow
def test_what_layers_saw_is_gathered_from_eight_devices(found):
    np.testing.assert_allclose(found["layers on eight"], found["layers on one"], rtol=0, atol=SUMS)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["from eight to one", "from one to eight"])
def test_a_checkpoint_is_taken_up_on_other_devices(found, way):
    np.testing.assert_allclose(found[way], found["one"], rtol=0, atol=SUMS)


@pytest.mark.slow
def test_a_state_that_is_not_to_be_split_is_everywhere(found):
    assert not any(found["specs of batch"].values())


@pytest.mark.slow
def test_every_array_is_split_along_its_longest_axis_that_can_be(found):
    specs = found["specs of sharded"]
    expected = {"encoder": ["batch"], "decoder": [None, "batch"], "bias": []}
    for name, spec in expected.items():
        of_it = {path: specs[path] for path in specs if path.endswith(f"/{name}")}
        assert len(of_it) == 3  # The parameter and Adam's two moments.
        assert of_it == dict.fromkeys(of_it, spec)
    assert specs["key"] == specs["step"] == specs["faults/where"] == []
    assert found["bytes on a device"] == 4 * (2 * 24 * 8 // 8 + 9)


@pytest.mark.slow
def test_no_more_devices_than_there_are(found):
    assert "`mesh.batch` must be at most 8, the devices there are, got 9." in found["error"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), PartitionSpec()),
        ((6,), PartitionSpec()),
        ((8,), PartitionSpec("batch")),
        ((4, 8), PartitionSpec(None, "batch")),
        ((8, 8), PartitionSpec("batch")),
        ((12, 6), PartitionSpec("batch")),
        ((3, 6, 4), PartitionSpec(None, None, "batch")),
        ((0, 4), PartitionSpec(None, "batch")),
    ],
)
def test_the_longest_axis_that_four_divides_is_split(shape, expected):
    assert split_longest(shape, 4) == expected


def test_a_mesh_counts_devices():
    with pytest.raises(ValueError, match=r"`batch` must be at least 1, got 0\."):
        training.Mesh(0)
    with pytest.raises(TypeError, match=r"`batch` must be an integer, got 2\.0\."):
        training.Mesh(2.0)


def test_every_device_has_as_many_images():
    message = r"`batch_size` must be a multiple of `mesh.batch`.* got 100 and 8\."
    with pytest.raises(ValueError, match=message):
        training.Settings(batch_size=100, mesh=training.Mesh(8))


def test_a_run_that_is_one_function_has_one_device():
    settings = training.Settings(mesh=training.Mesh(1))
    with pytest.raises(ValueError, match=r"`mesh` must be left out .* `fit` or `ae-optax train`"):
        training.make_run(
            training.Task(models.mlp_autoencoder([4], 2), losses.mse()), ao.adam, settings
        )
