"""Matrix optimizers: a whole training step beside Adam's, with one core and with two; compiling."""

import json
import os
import subprocess
import sys
import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

import ae_optax
from ae_optax.lab import losses, models, training

BATCH_SIZE = 1000
LIMITS = {  # Times Adam's whole step.
    "soap": 2.9,
    "soap, smaller side": 1.7,
    "soap, blocks of 250": 1.7,
    "soap, blocks of 250, rolling": 1.7,
    "shampoo, blocks of 250": 1.4,
    "muon, polar factor": 2.6,
}
LIMIT_OF_COMPILING = 3.0
OPTIMIZERS = {
    "adam": lambda: ae_optax.adam(1e-3),
    "soap": lambda: ae_optax.soap(1e-3),
    "soap, smaller side": lambda: ae_optax.soap(1e-3, sides="smaller"),
    "soap, blocks of 250": lambda: ae_optax.soap(1e-3, block_size=250),
    "soap, blocks of 250, rolling": lambda: ae_optax.soap(
        1e-3, block_size=250, refresh_every=ae_optax.rolling(10)
    ),
    "shampoo, blocks of 250": lambda: ae_optax.shampoo(1e-3, block_size=250, refresh_every=20),
    "muon": lambda: ae_optax.muon(1e-3),
    "muon, polar factor": lambda: ae_optax.muon(1e-3, orthogonalizer=ae_optax.polar_factor()),
}
PERIOD = 20  # Of all that comes every few steps, a multiple.


def measure(quick):
    """Return milliseconds of a step of each optimizer by cores, and seconds to compile it."""
    cores = sorted({1, min(2, len(os.sched_getaffinity(0)))})
    by_cores = {str(n): _with_cores(n, quick) for n in cores}
    return {
        "batch_size": 100 if quick else BATCH_SIZE,
        "limits": LIMITS,
        "limit_of_compiling": LIMIT_OF_COMPILING,
        "steps": by_cores,
        "compiling": _compiling(quick),
    }


def _with_cores(number, quick):
    """Measure in a process of its own, which has so many cores: so many threads are started."""
    command = [sys.executable, __file__, str(number), str(int(quick))]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    print(f"matrix: {number} cores", flush=True)
    return json.loads(found.stdout.splitlines()[-1])


def _steps(quick):
    """Return median milliseconds of a step, those of a whole period in their share, and ratios."""
    hidden, batch = ([32], 100) if quick else ([1000, 500, 250], BATCH_SIZE)
    model = models.mlp_autoencoder(hidden, 30, output="linear")
    images = np.random.default_rng(0).uniform(size=(batch, 28, 28)).astype(np.float32)
    task = training.Task(model, losses.bce_sum())
    runs = {name: _period(task, make(), jnp.asarray(images)) for name, make in OPTIMIZERS.items()}
    times = {name: [] for name in runs}
    for repetition in range(-1, 1 if quick else 5):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if repetition >= 0:  # The first compiles and warms up.
                times[name].append(1e3 * (time.perf_counter() - began) / PERIOD)
    ratios = {
        name: median(a / b for a, b in zip(found, times["adam"], strict=True))
        for name, found in times.items()
    }
    return {
        "milliseconds": {name: median(found) for name, found in times.items()},
        "ratio": ratios,
    }


def _period(task, optimizer, images):
    carry = training.init_state(task.model, optimizer, images, 0)
    compiled = jax.jit(training.make_step(task, optimizer), donate_argnums=0)

    def run():
        nonlocal carry
        for _ in range(PERIOD):
            carry, loss = compiled(carry, images, None)
        return jax.block_until_ready(loss)

    return run


def _compiling(quick):
    """Return seconds to trace and compile an update of a hundred leaves of ten shapes."""
    leaves = 10 if quick else 100
    params = {str(i): jnp.ones((16 + i % 10, 24)) for i in range(leaves)}
    found = {}
    # What was compiled before must not be found again.
    cache = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    for name, make in OPTIMIZERS.items():
        optimizer = make()
        state = optimizer.init(params)
        began = time.perf_counter()
        jax.jit(optimizer.update).lower(params, state, params).compile()
        found[name] = time.perf_counter() - began
    jax.config.update("jax_enable_compilation_cache", cache)
    return {"leaves": leaves, "seconds": found}


if __name__ == "__main__":
    # Before JAX starts its threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
    print(json.dumps(_steps(bool(int(sys.argv[2])))))
