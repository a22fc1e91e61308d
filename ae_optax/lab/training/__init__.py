"""Training: one pure step, epochs as compiled scans, whole runs, and the state they pass on."""

from ae_optax.lab.runs import EpochRow
from ae_optax.lab.training._check import check_fitting, check_observable, check_trainable
from ae_optax.lab.training._epoch import make_epoch, make_segment, steps_per_epoch
from ae_optax.lab.training._evaluate import (
    Reconstructions,
    make_codes,
    make_evaluate,
    make_reconstruct,
    make_samples,
)
from ae_optax.lab.training._faults import Fault
from ae_optax.lab.training._feed import Feed
from ae_optax.lab.training._fit import FitResult, fit
from ae_optax.lab.training._folder import recorded_settings
from ae_optax.lab.training._lint import lint_run
from ae_optax.lab.training._mesh import Mesh, check_devices
from ae_optax.lab.training._pictures import pictures, pictures_of
from ae_optax.lab.training._precision import Precision, with_precision
from ae_optax.lab.training._prepare import state_shapes
from ae_optax.lab.training._run import (
    RunResult,
    Start,
    make_run,
    make_run_from,
    make_start,
    untrained,
)
from ae_optax.lab.training._saving import Memory, Saving, Store, keep_state
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState, init_state, key_for
from ae_optax.lab.training._step import make_step, told_of_layers
from ae_optax.lab.training._task import N_SHOWN, Images, Task, make_values, on_device

__all__ = [
    "N_SHOWN",
    "EpochRow",
    "Fault",
    "Feed",
    "FitResult",
    "Images",
    "Memory",
    "Mesh",
    "Precision",
    "Reconstructions",
    "RunResult",
    "Saving",
    "Settings",
    "Start",
    "Store",
    "Task",
    "TrainState",
    "check_devices",
    "check_fitting",
    "check_observable",
    "check_trainable",
    "fit",
    "init_state",
    "keep_state",
    "key_for",
    "lint_run",
    "make_codes",
    "make_epoch",
    "make_evaluate",
    "make_reconstruct",
    "make_run",
    "make_run_from",
    "make_samples",
    "make_segment",
    "make_start",
    "make_step",
    "make_values",
    "on_device",
    "pictures",
    "pictures_of",
    "recorded_settings",
    "state_shapes",
    "steps_per_epoch",
    "told_of_layers",
    "untrained",
    "with_precision",
]
