"""Save one step after the other, until somebody kills this program."""

import sys

import jax.numpy as jnp
import numpy as np

from ae_optax.lab.checkpoints import Checkpoints


def numbers(step):
    """A state that takes a while to write and says which step it is."""
    random = np.random.default_rng(step)
    return {f"leaf{i}": jnp.asarray(random.normal(size=100_000), jnp.float32) for i in range(8)}


if __name__ == "__main__":
    with Checkpoints(sys.argv[1]) as checkpoints:
        step = max(checkpoints.steps(), default=0)
        while True:
            step += 1
            checkpoints.save(step, numbers(step))
            print(step, flush=True)  # The step before is complete.
