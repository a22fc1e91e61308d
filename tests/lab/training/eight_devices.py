"""Trains on one device and on eight, and prints what came out; run by ``test_mesh.py``."""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import ae_optax as ao
from ae_optax.lab import checkpoints, data, losses, models, training

BATCH, SHARDED = training.Mesh(8), training.Mesh(8, shard_parameters=True)
LAYERS = ao.kfac(1e-2, damping=0.1)


def init(key, x):
    kernel = 0.1 * jax.random.normal(key, (x[0].size, 8))
    return {"encoder": kernel, "decoder": kernel.T, "bias": jnp.zeros(9)}, {}


def apply(params, state, x, key, train):
    decoded = x.reshape(x.shape[0], -1) @ params["encoder"] @ params["decoder"]
    return (decoded + params["bias"].sum()).reshape(x.shape), state


def tiny():
    rng = np.random.default_rng(0)
    parts = (rng.uniform(size=(n, 4, 6)).astype(np.float32) for n in (40, 13, 9))
    return data.Dataset("tiny", data.Splits(*parts), source="memory", fingerprint="")


def streamed():
    """Return the same, read when it is used, and a list of how many were read at a time."""
    whole, read = tiny(), []

    def rows(positions):
        read.append(len(positions))
        return whole.train[positions]

    splits = data.Splits(data.Rows(rows, 40), whole.validation, whole.test)
    return data.Dataset("tiny", splits, source="memory", fingerprint=""), read


def fit(mesh, folder=None, stop=False, optimizer=None, images=None):
    arguments = (
        training.Task(models.Model(init, apply), losses.mse(), images or tiny()),
        optimizer or ao.adam(1e-2),
        training.Settings(epochs=2, batch_size=16, mesh=mesh),
    )
    if folder is None:
        return training.fit(*arguments)
    with checkpoints.Checkpoints(folder) as store:
        saving = training.Saving(store)
        return training.fit(*arguments, saving=saving, interrupted=lambda: stop)


def losses_of(result):
    return [[row.train_loss, row.validation_loss, row.test_loss] for row in result.rows]


def specs(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(keys, simple=True, separator="/"): list(leaf.sharding.spec)
        for keys, leaf in leaves
    }


def moved(folder, before, after):
    fit(before, folder, stop=True)
    return losses_of(fit(after, folder))


def bytes_on_a_device(tree):
    return sum(leaf.addressable_data(0).nbytes for leaf in jax.tree.leaves(tree))


def error_of_too_many():
    try:
        training.check_devices(training.Mesh(9))
    except ValueError as error:
        return str(error)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    batch, sharded = fit(BATCH), fit(SHARDED)
    images, read = streamed()
    print(
        json.dumps(
            {
                "one": losses_of(fit(None)),
                "batch": losses_of(batch),
                "sharded": losses_of(sharded),
                "streamed": losses_of(fit(BATCH, images=images)),
                "read at a time": read,
                "from eight to one": moved(folder / "down", SHARDED, None),
                "from one to eight": moved(folder / "up", None, SHARDED),
                "specs of batch": specs(batch.state),
                "specs of sharded": specs(sharded.state),
                "bytes on a device": bytes_on_a_device(sharded.state.params),
                "layers on one": losses_of(fit(None, optimizer=LAYERS)),
                "layers on eight": losses_of(fit(BATCH, optimizer=LAYERS)),
                "error": error_of_too_many(),
            }
        )
    )
