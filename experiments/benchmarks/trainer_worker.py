"""One contender in a process of its own; prints one line of JSON.

Usage: python trainer_worker.py CONTENDER IMAGES EPOCHS
"""

import importlib
import json
import sys
import time

from ae_optax.lab import data

MODULES = {
    "ours": "trainer_jax",
    "jax_loop": "trainer_jax",
    "matmuls": "trainer_jax",
    "torch_eager": "trainer_torch",
    "torch_compile": "trainer_torch",
}


def main(contender, n_images, epochs):
    module = importlib.import_module(MODULES[contender])
    images = data.mnist(validation=0).train[:n_images]
    run = getattr(module, contender)(images)
    run()  # Compiles, and warms up.
    started = time.perf_counter()
    for _ in range(epochs):
        loss = run()
    seconds = time.perf_counter() - started
    steps = epochs * -(-len(images) // module.BATCH_SIZE)
    line = {"steps_per_second": steps / seconds, "loss": loss, "threads": module.threads()}
    print(json.dumps(line))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
