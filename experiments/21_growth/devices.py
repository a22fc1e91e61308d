"""Train on all virtual devices, with the state on each and divided; print what a step costs.

Usage: python devices.py SETUP
"""

import json
import sys
import time

import jax
import numpy as np

import ae_optax as ao
from ae_optax.lab import data, losses, models, training


def main(setup):
    width, batch, steps = setup["width"], setup["batch"], setup["steps"]
    images = np.random.default_rng(0).random((batch * steps, 8, 8), np.float32)
    held = data.from_arrays(images, validation=0, test=images[:batch])
    task = training.Task(models.mlp_autoencoder([width] * 2, width), losses.mse(), held)
    found = {}
    for how, divided in (("state on each", False), ("state divided", True)):
        mesh = training.Mesh(jax.device_count(), shard_parameters=divided)
        settings = training.Settings(epochs=4, batch_size=batch, mesh=mesh)
        times, began = [], time.process_time()
        result = training.fit(
            task,
            ao.adam(1e-3),
            settings,
            on_start=lambda _, times=times: times.append(time.process_time()),
            on_epoch=lambda _, times=times: times.append(time.process_time()),
        )
        epochs = np.diff(times)[1:]  # The first begins with a call of a single step.
        leaves = jax.tree.leaves((result.state.params, result.state.opt_state))
        found[how] = {
            "compile_seconds": round(times[0] - began, 3),
            "seconds": float(f"{min(epochs) / steps:.3g}"),
            "bytes": sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
