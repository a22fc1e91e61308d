import subprocess
import sys
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from contract_cases import problem
from environments import eight_devices
from subjects import MATRICES_ONLY, SUBJECTS, make

PROGRAM = Path(__file__).with_name("sharded_states.py")
EVERY = pytest.mark.parametrize("name", SUBJECTS)


def parameters(name):
    # Without the leaf that is empty, which Orbax refuses.
    return {"w": problem()["w"]} if name in MATRICES_ONLY else problem()


@pytest.fixture(scope="module")
def saved_and_restored(tmp_path_factory):
    """A state of every transformation with numbers in it, and what a checkpoint makes of it."""
    folder = tmp_path_factory.mktemp("checkpoint") / "states"
    fresh = {name: make(name).init(parameters(name)) for name in SUBJECTS}
    rng = np.random.default_rng(0)
    states = jax.tree.map(
        lambda leaf: jnp.asarray(rng.uniform(2, 100, leaf.shape), leaf.dtype), fresh
    )
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, states)
    with ocp.StandardCheckpointer() as checkpointer:
        restored = checkpointer.restore(
            folder, jax.tree.map(ocp.utils.to_shape_dtype_struct, fresh)
        )
    return states, restored


@EVERY
def test_its_state_survives_a_checkpoint(name, saved_and_restored):
    state, restored = (states[name] for states in saved_and_restored)
    chex.assert_trees_all_equal_structs(restored, state)
    chex.assert_trees_all_equal(restored, state)


@pytest.fixture(scope="module")
def sharded():
    """What a program on eight virtual devices says of every transformation."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=eight_devices(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.slow
@EVERY
def test_the_type_of_its_state_is_stable_on_eight_devices(name, sharded):
    assert sharded[name] == "stable"
    assert sharded[f"{name} inside shard_map"] == "stable"


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", ["accumulate", "skip_non_finite", "skip_outliers", "keras.adam", "adam_max_norm"]
)
def test_what_asks_whole_leaves_keeps_sharding_where_nothing_is_compiled(case, sharded):
    assert sharded[f"{case} step by step"] == "stable"


@pytest.mark.slow
def test_the_type_of_telemetry_is_stable_inside_shard_map(sharded):
    assert sharded["with_telemetry inside shard_map"] == "stable"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shampoo", "soap"])
def test_what_decomposes_steps_the_same_with_its_matrices_on_eight_devices(name, sharded):
    assert sharded[f"{name} in numbers"] == "equal"
