"""Several processes that train one run together: what they must agree on.

All of them call every function here, in the same order; with one process each returns at once.
Everything is waited for on all of a process's devices: Gloo, which CPUs talk by, mixes up two
collectives of which one has ended on the first device only.
"""

import json
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def is_first() -> bool:
    """Tell whether this process is the one that writes."""
    return jax.process_index() == 0


def meet() -> None:
    """Wait until every process has come here."""
    largest(0)


def largest(value: float) -> float:
    """Return the largest of the processes' values: time spent, or whether one was told to stop."""
    if jax.process_count() == 1:
        return value
    return float(np.max(_of_all(np.full(1, value, np.float32))))


def from_first(value: Any) -> Any:
    """Return the first process's value, which must be one that JSON can hold.

    What comes from elsewhere is data: a pickle would be a program.
    """
    if jax.process_count() == 1:
        return value
    packed = np.frombuffer(json.dumps(value).encode(), np.uint8)
    size = _of_all(np.full(1, packed.size, np.int32))[0, 0]
    mine = packed if jax.process_index() == 0 else np.zeros(size, np.uint8)
    return json.loads(_of_all(mine)[0].tobytes())


def whole(tree: Any) -> Any:
    """Return a tree of which every process has all: what is spread over processes is gathered."""
    return jax.tree.map(_whole, tree)


def _whole(array):
    if not isinstance(array, jax.Array) or array.is_fully_addressable:
        return array
    assert isinstance(array.sharding, NamedSharding), "what else spreads over processes?"
    everywhere = NamedSharding(array.sharding.mesh, PartitionSpec())
    copied = jax.block_until_ready(jax.jit(lambda x: x, out_shardings=everywhere)(array))
    return copied.addressable_data(0)


def _of_all(mine):
    """Return the arrays of all processes, which are of one shape, stacked."""
    firsts = {device.process_index: device for device in reversed(jax.devices())}
    over = Mesh([firsts[process] for process in sorted(firsts)], ("processes",))
    split = NamedSharding(over, PartitionSpec("processes"))
    everywhere = NamedSharding(over, PartitionSpec())
    stacked = jax.make_array_from_process_local_data(split, mine[None])
    whole = jax.block_until_ready(jax.jit(lambda x: x, out_shardings=everywhere)(stacked))
    return np.asarray(whole.addressable_data(0))
