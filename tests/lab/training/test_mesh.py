"""Runs on several devices: eight that one CPU stands for, in a process of their own."""

import json
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


def test_of_images_that_are_read_in_use_each_device_gets_its_share(found):
    assert found["streamed"] == found["batch"]
    # Three batches of 16 for eight devices: the first, the sample, is read whole.
    assert found["read at a time"] == [1, 6, 40]


@pytest.mark.parametrize("kind", ["batch", "sharded"])
def test_eight_devices_give_the_losses_of_one(found, kind):
    np.testing.assert_allclose(found[kind], found["one"], rtol=0, atol=SUMS)
    assert len(found[kind]) == 2


def test_what_layers_saw_is_gathered_from_eight_devices(found):
    np.testing.assert_allclose(found["layers on eight"], found["layers on one"], rtol=0, atol=SUMS)


@pytest.mark.parametrize("way", ["from eight to one", "from one to eight"])
def test_a_checkpoint_is_taken_up_on_other_devices(found, way):
    np.testing.assert_allclose(found[way], found["one"], rtol=0, atol=SUMS)


def test_a_state_that_is_not_to_be_split_is_everywhere(found):
    assert not any(found["specs of batch"].values())


def test_every_array_is_split_along_its_longest_axis_that_can_be(found):
    specs = found["specs of sharded"]
    expected = {"encoder": ["batch"], "decoder": [None, "batch"], "bias": []}
    for name, spec in expected.items():
        of_it = {path: specs[path] for path in specs if path.endswith(f"/{name}")}
        assert len(of_it) == 3  # The parameter and Adam's two moments.
        assert of_it == dict.fromkeys(of_it, spec)
    assert specs["key"] == specs["step"] == specs["faults/where"] == []
    assert found["bytes on a device"] == 4 * (2 * 24 * 8 // 8 + 9)


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
