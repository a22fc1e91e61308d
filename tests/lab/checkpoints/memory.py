"""Print the peaks of memory of a save, a restore and a check, as multiples of the state."""

import gc
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

from ae_optax.lab.checkpoints import Checkpoints


def memory(which):
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(which)]
    return 1024 * int(line.split()[1])


def peak(call):
    """Return how many bytes a call takes at most, beside what was there."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # The peak is now what is in use.
    before = memory("VmRSS")
    call()
    return memory("VmHWM") - before


def save(checkpoints, step, state):
    checkpoints.save(step, state)
    checkpoints.wait()


state = {"one": jnp.arange(3 * 2**24, dtype=jnp.float32)}  # The worst: nothing is smaller than it.
shapes = jax.eval_shape(lambda: state)
size = sum(leaf.nbytes for leaf in state.values())
with Checkpoints(sys.argv[1]) as checkpoints:
    small = {"a": jnp.zeros(2**21)}
    save(checkpoints, 0, small)  # Orbax is imported, and its threads started.
    checkpoints.restore(small)
    checkpoints.discard_after(-1)
    print(peak(lambda: save(checkpoints, 1, state)) / size)
    print(peak(lambda: jax.block_until_ready(checkpoints.restore(shapes).state)) / size)
    print(peak(checkpoints.damaged) / size)
