"""One of two processes that save and restore a state spread over both."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ae_optax.lab.checkpoints import Checkpoints

address, process, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
jax.distributed.initialize(address, num_processes=2, process_id=process)
mesh = jax.make_mesh((2,), ("data",))
spread = NamedSharding(mesh, PartitionSpec("data"))
copied = NamedSharding(mesh, PartitionSpec())


def state(step):
    rows = np.arange(8.0, dtype=np.float32).reshape(4, 2) + step
    return {
        "spread": jax.make_array_from_callback((4, 2), spread, lambda at: rows[at]),
        "copied": jax.make_array_from_callback((4, 2), copied, lambda at: rows[at]),
        "here": jnp.asarray(step),
    }


with Checkpoints(folder, keep=2) as checkpoints:
    for step in (1, 2, 3):
        checkpoints.save(step, state(step))
    restored = checkpoints.restore(state(0))
    assert restored.step == 3
    assert checkpoints.steps() == [2, 3]
    for name, leaf in state(3).items():
        assert restored.state[name].sharding == leaf.sharding
        for mine, saved in zip(
            restored.state[name].addressable_shards, leaf.addressable_shards, strict=True
        ):
            np.testing.assert_array_equal(mine.data, saved.data)
    checkpoints.discard_after(2)
    checkpoints.save(3, state(4))
print("done")
