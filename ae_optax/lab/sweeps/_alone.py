"""A run that somebody must watch: a loop on the host, where whole programs will not do."""

from typing import Any

import jax
import numpy as np

from ae_optax.lab import training
from ae_optax.lab.config import RunConfig
from ae_optax.lab.sweeps._task import Task


def is_whole(settings: training.Settings) -> bool:
    """Tell whether a run can be one program: on one device, all epochs done, nothing restored."""
    watched = (settings.patience, settings.max_minutes, settings.mesh)
    return watched == (None, None, None) and settings.on_non_finite != "restore"


def fit_alone(task: Task, config: RunConfig) -> tuple[training.FitResult, dict[str, Any]]:
    """Train as a config says; return what came out and what was measured before."""
    parts = {"corruption": task.corruption, "metrics": task.metrics}
    optimizer, settings = config.optimizer.build(), config.training
    result = training.fit(task.model, task.loss, optimizer, task.data, settings, **parts)
    before = training.untrained(task.model, task.loss, task.data, settings.seed, **parts)
    return result, dict(before)


def pictures_of(task: Task, state: training.TrainState) -> dict[str, np.ndarray]:
    """Return test images and what the model of a state makes of them, as arrays for a file."""
    images = task.data.test
    shown = images[: training.N_SHOWN]
    reconstruct = training.make_reconstruct(task.model, task.loss, corruption=task.corruption)
    inputs, outputs = jax.jit(reconstruct)(state, shown)
    samples = jax.jit(training.make_samples(task.model, task.loss))(state, shown)
    codes = jax.jit(training.make_codes(task.model))(state, images)
    made = training.pictures(*jax.device_get((inputs, outputs, samples, codes)))
    return {"originals": np.asarray(shown), **made}
