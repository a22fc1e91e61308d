"""Learning rates, and anything else, as pure functions of the step.

Every function here takes numbers and returns a schedule: a function of the step alone, which
is 0 at the first update. The step is a Python number, an array (then the schedule acts on each
element) or traced; the value has the shape of the step and the default float dtype, float32, or
float64 where x64 is enabled, and is computed in that dtype. Every number may be traced, periods
and durations too, so that a sweep over schedules compiles once.

Where the step and the periods are whole numbers, boundaries fall exactly where the formula puts
them, compiled or not. Gradients with respect to the step and to every number are finite.
"""

from ae_optax.schedules._combine import held, join, with_warmup
from ae_optax.schedules._constant import constant
from ae_optax.schedules._cosine import cosine_annealing, cosine_warm_restarts
from ae_optax.schedules._decay import (
    exponential_decay,
    geometric_decay,
    inverse_sqrt,
    inverse_time_decay,
)
from ae_optax.schedules._one_cycle import one_cycle
from ae_optax.schedules._polynomial import linear, polynomial_decay
from ae_optax.schedules._steps import multi_step_decay, step_decay
from ae_optax.schedules._triangular import (
    triangular,
    triangular_exponential,
    triangular_halving,
)
from ae_optax.schedules._warmup_stable_decay import warmup_stable_decay

__all__ = [
    "constant",
    "cosine_annealing",
    "cosine_warm_restarts",
    "exponential_decay",
    "geometric_decay",
    "held",
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
