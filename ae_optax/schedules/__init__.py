"""Schedules: pure functions of the step, which is 0 at the first update."""

from ae_optax.schedules._compose import join, one_cycle, warmup_stable_decay, with_warmup
from ae_optax.schedules._constant import constant
from ae_optax.schedules._cosine import cosine_annealing, cosine_warm_restarts
from ae_optax.schedules._decay import (
    exponential_decay,
    geometric_decay,
    inverse_sqrt,
    inverse_time_decay,
    linear,
    multi_step_decay,
    polynomial_decay,
    step_decay,
)
from ae_optax.schedules._triangular import (
    triangular,
    triangular_exponential,
    triangular_halving,
)

__all__ = [
    "constant",
    "cosine_annealing",
    "cosine_warm_restarts",
    "exponential_decay",
    "geometric_decay",
    "inverse_sqrt",
    "inverse_time_decay",
    "join",
    "linear",
    "multi_step_decay",
    "one_cycle",
    "polynomial_decay",
    "step_decay",
    "triangular",
    "triangular_exponential",
    "triangular_halving",
    "warmup_stable_decay",
    "with_warmup",
]
