"""What memory one thing takes at most, in a process of its own; prints one line of JSON.

Usage: python memory_worker.py NAME [--quick]
"""

import gc
import json
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import ae_optax
from ae_optax.lab import checkpoints, data, losses, models, training


def keeping(quick):
    """Of one array, the worst: nothing is smaller than it."""
    state = {"one": jnp.arange(3 * 2 ** (22 if quick else 24), dtype=jnp.float32)}
    shapes, size = jax.eval_shape(lambda: state), state["one"].nbytes
    with tempfile.TemporaryDirectory() as folder, checkpoints.Checkpoints(folder) as store:

        def save(step, state):
            store.save(step, state)
            store.wait()

        small = {"a": jnp.zeros(2**21)}
        save(0, small)  # Orbax is imported, and its threads started.
        store.restore(small)
        store.discard_after(-1)
        return {
            "saving": over(lambda: save(1, state), size),
            "restoring": over(lambda: jax.block_until_ready(store.restore(shapes).state), size),
            "verifying": over(store.damaged, size),
        }


def loading(quick):
    del quick
    small = data.digits()  # Whatever loading imports.
    jax.block_until_ready(training.on_device(small))
    held = []
    found = over(lambda: held.append(data.mnist()), 1)
    size = 4 * sum(part.size for part in held[0].stored)
    placed = over(lambda: held.append(jax.block_until_ready(training.on_device(held[0]))), 1)
    return {
        "loading": {**found, "unit": size},
        "moving": {**placed, "unit": size},
        "values": over(lambda: held[0].train, 4 * held[0].stored.train.size),
    }


def dividing(quick):
    images = np.random.default_rng(0).random((5000 if quick else 60_000, 28, 28), np.float32)
    data.from_arrays(images[:100])
    return {"dividing": over(lambda: data.from_arrays(images), images.nbytes)}


def fitting(quick):
    del quick
    task = training.Task(models.mlp_autoencoder([512, 256], 64), losses.mse(), data.digits())
    settings = training.Settings(epochs=1, batch_size=128)
    training.fit(task, ae_optax.adam(1e-3), settings)  # What compiling needs stays.

    def call():
        mnist = data.mnist()
        training.fit(task._replace(data=mnist), ae_optax.adam(1e-3), settings)

    return {"fitting": over(call, 4 * 70_000 * 784)}


def training_large(quick):
    """Return what a run takes of which the parameters are the most."""
    hidden, code = ([512], 128) if quick else ([4096], 2048)
    rng = np.random.default_rng(0)
    images = data.from_arrays(rng.integers(0, 256, (2000, 28, 28), np.uint8))
    settings = training.Settings(epochs=1, batch_size=128)

    def train(hidden, code):
        model = models.mlp_autoencoder(hidden, code)
        task = training.Task(model, losses.mse(), images)
        return training.fit(task, ae_optax.adam(1e-3), settings).state

    train([8], 4)
    held = []
    found = over(lambda: held.append(train(hidden, code)), 1)
    params = held[0].params
    return {"training": {**found, "unit": sum(leaf.nbytes for leaf in jax.tree.leaves(params))}}


def evaluating(quick):
    count, channels = (200, [8]) if quick else (2000, [32, 64, 128])
    model, optimizer = models.conv_autoencoder(channels, 64), ae_optax.sgd(1e-3)
    images = jnp.asarray(np.random.default_rng(0).random((count, 64, 64, 3), np.float32))
    state = jax.jit(lambda x: training.init_state(model, optimizer, x, 0))(images[:1])
    evaluate = training.make_evaluate(training.Task(model, losses.mse()))
    compiled = jax.jit(evaluate).lower(state, images).compile()
    return {"evaluating": over(lambda: jax.block_until_ready(compiled(state, images)), 2**30)}


def over(call, unit):
    """Return how many bytes a call takes at most, beside what was there, and their unit."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # The peak is now what is in use.
    before = _memory("VmRSS")
    call()
    return {"peak": _memory("VmHWM") - before, "unit": unit}


def _memory(which):
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(which)]
    return 1024 * int(line.split()[1])


MEASURES = {
    "keeping": keeping,
    "loading": loading,
    "dividing": dividing,
    "fitting": fitting,
    "training": training_large,
    "evaluating": evaluating,
}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]]("--quick" in sys.argv)))
