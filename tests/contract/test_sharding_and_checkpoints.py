import os
import subprocess
import sys
from pathlib import Path

import chex
import jax
import orbax.checkpoint as ocp
import pytest
from contract_cases import NAMES, make, parameters

PROGRAM = Path(__file__).with_name("sharded_states.py")


@pytest.mark.parametrize("name", NAMES)
def test_its_state_survives_a_checkpoint(name, tmp_path):
    tx, params = make(name), parameters()
    del params["empty"]  # Orbax refuses arrays without numbers.
    state = tx.init(params)
    _, state = tx.update(params, state, params)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", state)
    with ocp.StandardCheckpointer() as checkpointer:
        restored = checkpointer.restore(
            tmp_path / "state", jax.tree.map(ocp.utils.to_shape_dtype_struct, tx.init(params))
        )
    chex.assert_trees_all_equal(restored, state)
    chex.assert_trees_all_equal(
        tx.update(params, restored, params), tx.update(params, state, params)
    )


@pytest.fixture(scope="module")
def sharded():
    """What a program on eight virtual devices says of every optimizer."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_the_type_of_its_state_is_stable_on_eight_devices(name, sharded):
    assert sharded[name] == "stable"
