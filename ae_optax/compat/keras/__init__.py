"""The rules of Keras 3.15: same names, same arguments, same defaults, same numbers.

Each function makes what the Keras class of its name does, as a composition of the same
transformations as everything else here; a line is ported by changing the import. Keras itself is
not needed. The optimizers return Optax transformations, the schedules are functions of the step.

All optimizers share these options, which act in this order:

loss_scale_factor
    Divides the gradient. Multiply the loss by it; Keras's trainer does that by itself.
gradient_accumulation_steps
    A whole number of at least 2: that many updates make a step, with the mean of their gradients.
    In between updates are zero. Schedules are asked for the rate at the update that steps.
clipnorm, clipvalue, global_clipnorm
    Largest norm of each leaf, largest absolute value, largest norm of all together; positive, and
    at most one of them. (Keras takes 0 for none; say ``None``.)
weight_decay
    Decoupled: the parameters are shrunk by the rate times this, and the rule steps from there. It
    acts on every leaf; for Keras's ``exclude_from_weight_decay`` give those leaves an optimizer of
    their own, with ``optax.partition``.
use_ema, ema_momentum, ema_overwrite_frequency
    Average the parameters over the steps; :func:`~ae_optax.evaluation_params` returns the average.
    Every ``ema_overwrite_frequency`` steps the parameters are replaced by it.
name
    Without meaning here, as ``verbose`` and Adafactor's ``relative_step``.

A missing gradient (``None``) leaves its parameter, its decay and its average alone. What Keras
reads from its variables, constraints and ``overwrite_with_gradient``, has no counterpart.
"""

from ae_optax.compat.keras._accumulation import AccumulateGradientsState
from ae_optax.compat.keras._adadelta import adadelta
from ae_optax.compat.keras._adafactor import adafactor
from ae_optax.compat.keras._adagrad import adagrad
from ae_optax.compat.keras._adam import adam, adamw
from ae_optax.compat.keras._adamax import adamax
from ae_optax.compat.keras._by_kind import ByKindState
from ae_optax.compat.keras._cosine_schedules import cosine_decay, cosine_decay_restarts
from ae_optax.compat.keras._decay_first import DecayFirstState
from ae_optax.compat.keras._decay_schedules import (
    exponential_decay,
    inverse_time_decay,
    piecewise_constant_decay,
    polynomial_decay,
)
from ae_optax.compat.keras._ftrl import FtrlState, ftrl
from ae_optax.compat.keras._lamb import lamb
from ae_optax.compat.keras._lion import lion
from ae_optax.compat.keras._model_average import AverageModelState
from ae_optax.compat.keras._muon import muon
from ae_optax.compat.keras._nadam import nadam
from ae_optax.compat.keras._plateau import ReduceLROnPlateauState, reduce_lr_on_plateau
from ae_optax.compat.keras._rmsprop import rmsprop
from ae_optax.compat.keras._sgd import sgd

__all__ = [
    "AccumulateGradientsState",
    "AverageModelState",
    "ByKindState",
    "DecayFirstState",
    "FtrlState",
    "ReduceLROnPlateauState",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "cosine_decay",
    "cosine_decay_restarts",
    "exponential_decay",
    "ftrl",
    "inverse_time_decay",
    "lamb",
    "lion",
    "muon",
    "nadam",
    "piecewise_constant_decay",
    "polynomial_decay",
    "reduce_lr_on_plateau",
    "rmsprop",
    "sgd",
]
