"""Compiled programs do not say "none" by a NaN: `JAX_DEBUG_NANS` stops nothing that is finite."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import jax, numpy as np, optax
import ae_optax as ao
from ae_optax.lab import data, losses, models, training

images = np.random.default_rng(0).random((12, 3, 3), dtype=np.float32)
tiny = data.from_arrays(images, validation=0, test=3)
task = training.Task(models.mlp_autoencoder([], 2), losses.mse(), tiny)
# Calls that end no epoch, no validation images, nothing measured yet; no rate to be seen.
settings = training.Settings(epochs=2, batch_size=4, telemetry=True)
assert training.fit(task, ao.adam(1e-2), settings).status == "done"
assert training.fit(task, optax.adam(1e-2), settings).status == "done"
run = jax.jit(training.make_run(task, ao.adam, settings))
rows = run(1e-2, 0, training.on_device(tiny)).rows
assert "validation_loss" not in rows and np.isfinite(rows["test_loss"]).all()
"""


@pytest.mark.slow
def test_training_goes_on_under_jax_debug_nans():
    environment = os.environ | {"JAX_DEBUG_NANS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
