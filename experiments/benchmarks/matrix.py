"""Matrix optimizers: a whole training step beside Adam's, by cores; compiling; what they reach."""

import functools
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from alternation import in_alternation, steps

import ae_optax
from ae_optax.lab import data, losses, models, training
from ae_optax.observing._plan import ratio

BATCH_SIZE = 1000
LIMIT_OF_COMPILING = 3.0
PERIOD = 20  # Of all that comes every few steps, a multiple.
# A plain autoencoder for so long, at the best of three rates: what a cheaper rule loses.
REACHED = {"hidden": [512, 256], "code": 64, "batch_size": 128, "epochs": 1, "seed": 0}


class Contender(NamedTuple):
    """An optimizer, and what is asked of it.

    Attributes:
        make: Makes it of a rate.
        learning_rates: Those that are tried.
        limit: How many times Adam's whole step it may take.
        planned: The arguments of SOAP by which the time of its step is predicted.
    """

    make: Callable[[Any], Any]
    learning_rates: tuple[float, ...]
    limit: float | None = None
    planned: Mapping[str, Any] | None = None


# As in the first sketch of the plain autoencoder.
THINNED = {"statistic": ae_optax.thinned(ae_optax.gram(0.95), steps=4), "refresh_every": 20}


def _soap(limit, **arguments):
    make = functools.partial(ae_optax.soap, weight_decay=0.0, **arguments)
    # `plan` knows Gram matrices of every gradient only. A turn for some at every step costs what
    # one for all does every so many.
    planned = {name: value for name, value in arguments.items() if name != "refresh_every"}
    known = "statistic" not in arguments
    return Contender(make, (2e-3, 4e-3, 8e-3), limit, planned if known else None)


def _shampoo(**arguments):
    make = functools.partial(ae_optax.shampoo, block_size=250, refresh_every=20, **arguments)
    return Contender(make, (1.0, 3.0, 10.0), 1.4)


def _muon(limit, **arguments):
    return Contender(functools.partial(ae_optax.muon, **arguments), (3e-3, 1e-2, 3e-2), limit)


CONTENDERS = {
    "adam": Contender(ae_optax.adam, (1e-3, 2e-3, 4e-3)),
    "soap": _soap(2.9),
    "soap, thinned": _soap(2.9, **THINNED),
    "soap, smaller side": _soap(1.7, sides="smaller"),
    "soap, smaller side, thinned": _soap(1.7, sides="smaller", **THINNED),
    "soap, blocks of 250": _soap(1.7, block_size=250),
    "soap, blocks of 250, thinned": _soap(1.7, block_size=250, **THINNED),
    "soap, blocks of 250, rolling": _soap(1.7, block_size=250, refresh_every=ae_optax.rolling(10)),
    "shampoo, blocks of 250": _shampoo(),
    "shampoo, blocks of 250, thinned": _shampoo(
        statistic=ae_optax.thinned(ae_optax.gram(0.999, initial=1e-6), steps=4)
    ),
    "muon": _muon(None),
    "muon, polar factor": _muon(2.6, orthogonalizer=ae_optax.polar_factor()),
}


# LAPACK, which decomposes, has threads of its own, beside XLA's.
PLACES = {"1 core": (1, 1), "2 cores": (2, 2), "2 cores, one for LAPACK": (2, 1)}


def measure(quick):
    """Return milliseconds of a step of each optimizer by cores, and seconds to compile it."""
    known = len(os.sched_getaffinity(0))
    places = {name: each for name, each in PLACES.items() if each[0] <= known}
    return {
        "batch_size": 100 if quick else BATCH_SIZE,
        "limits": {name: one.limit for name, one in CONTENDERS.items() if one.limit},
        "limit_of_compiling": LIMIT_OF_COMPILING,
        "steps": {name: _with_cores(name, *each, quick) for name, each in places.items()},
        "compiling": _compiling(quick),
    }


def _with_cores(name, number, threads, quick):
    """Measure in a process of its own, which has so many cores: so many threads are started."""
    command = [sys.executable, __file__, str(number), str(int(quick))]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    print(f"matrix: {name}", flush=True)
    return json.loads(found.stdout.splitlines()[-1])


def _network(quick):
    return models.mlp_autoencoder([32] if quick else [1000, 500, 250], 30, output="linear")


def _steps(quick):
    """Return median milliseconds of a step, those of a whole period in their share, and ratios."""
    batch = 100 if quick else BATCH_SIZE
    images = np.random.default_rng(0).uniform(size=(batch, 28, 28)).astype(np.float32)
    images, task = jnp.asarray(images), training.Task(_network(quick), losses.bce_sum())
    periods = {
        name: steps(task, one.make(1e-3), images, PERIOD) for name, one in CONTENDERS.items()
    }
    times = in_alternation(periods, 1 if quick else 3)
    ratios = {
        name: median(a / b for a, b in zip(found, times["adam"], strict=True))
        for name, found in times.items()
    }
    return {
        "milliseconds": {name: median(found) / PERIOD for name, found in times.items()},
        "ratio": ratios,
    }


def predicted(batch):
    """Return how many times Adam's step SOAP's should take, as `plan` has it."""
    widths = [784, 1000, 500, 250, 30]
    pairs = [*itertools.pairwise(widths), *itertools.pairwise(widths[::-1])]
    return {
        name: ratio(pairs, batch, **one.planned)
        for name, one in CONTENDERS.items()
        if one.planned is not None
    }


def _compiling(quick):
    """Return seconds to trace and compile an update of a hundred leaves."""
    leaves = 10 if quick else 100
    inner = leaves // 4 - 1
    deep = models.mlp_autoencoder([128] * inner, 32)
    return {
        "leaves": leaves,
        "seconds": {
            "ten shapes": _seconds({str(i): jnp.ones((16 + i % 10, 24)) for i in range(leaves)}),
            "deep": _seconds(deep.init(jax.random.key(0), jnp.ones((1, 28, 28)))[0]),
        },
    }


def _seconds(params):
    """Return seconds to trace and compile an update of these parameters by each."""
    found = {}
    # What was compiled before must not be found again.
    cache = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    for name, one in CONTENDERS.items():
        optimizer = one.make(1e-3)
        state = optimizer.init(params)
        began = time.perf_counter()
        jax.jit(optimizer.update).lower(params, state, params).compile()
        found[name] = time.perf_counter() - began
    jax.config.update("jax_enable_compilation_cache", cache)
    return found


def measure_losses(quick):
    """Return the test loss of a plain autoencoder after a short training by each."""
    setup = REACHED | ({"hidden": [16], "code": 8} if quick else {})
    images = data.digits() if quick else data.mnist()
    model = models.mlp_autoencoder(setup["hidden"], setup["code"])
    task, given = training.Task(model, losses.mse(), images), training.on_device(images)
    settings = training.Settings(epochs=setup["epochs"], batch_size=setup["batch_size"])
    found = {}
    for name, one in CONTENDERS.items():
        run = jax.jit(training.make_run(task, one.make, settings))
        rates = one.learning_rates[:1] if quick else one.learning_rates
        rows = [jax.device_get(run(r, setup["seed"], given).rows) for r in rates]
        best = int(np.nanargmin([row["validation_loss"][-1] for row in rows]))
        loss = float(rows[best]["test_loss"][-1])
        found[name] = {"learning_rate": rates[best], "test_loss": loss}
        print(f"matrix: {name} reaches {loss:.3g} at a rate of {rates[best]:g}", flush=True)
    return setup | {"losses": found}


if __name__ == "__main__":
    # Before JAX starts its threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
    print(json.dumps(_steps(bool(int(sys.argv[2])))))
