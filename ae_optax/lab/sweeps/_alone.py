"""A run that somebody must watch: a loop on the host, where whole programs will not do."""

from typing import Any

from ae_optax.lab import training
from ae_optax.lab.plans import RunConfig


def is_whole(settings: training.Settings) -> bool:
    """Tell whether a run can be one program: on one device, all epochs done, nothing restored."""
    watched = (settings.patience, settings.max_minutes, settings.mesh)
    return watched == (None, None, None) and settings.on_non_finite != "restore"


def fit_alone(task: training.Task, config: RunConfig) -> tuple[training.FitResult, dict[str, Any]]:
    """Train as a config says; return what came out and what was measured before."""
    result = training.fit(task, config.optimizer.build(), config.training)
    return result, dict(training.untrained(task, config.training.seed))
