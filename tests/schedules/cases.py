"""A schedule of every kind, its numbers by name, so that any of them can be traced."""

import jax
import jax.numpy as jnp

from ae_optax import schedules

# None of the numbers with a fraction is a float32, so that rounding it is noticed.
ARGUMENTS = {
    "constant": {"value": 0.3},
    "cosine_annealing": {"max_value": 0.3, "min_value": 0.01, "duration": 49},
    "cosine_warm_restarts": {
        "max_value": 0.3,
        "min_value": 0.01,
        "period": 7,
        "period_multiplier": 2,
        "decay": 0.7,
    },
    "exponential_decay": {"init_value": 0.3, "rate": 0.013},
    "geometric_decay": {"init_value": 0.3, "factor": 0.7, "period": 49},
    "held": {"init_value": 0.3, "end_value": 0.01, "duration": 49, "period": 7},
    "inverse_sqrt": {"init_value": 0.3, "duration": 49},
    "inverse_time_decay": {"init_value": 0.3, "rate": 0.013},
    "join": {"init_value": 0.3, "rate": 0.013, "value": 0.7, "first": 49, "second": 61},
    "linear": {"init_value": 0.3, "end_value": 0.01, "duration": 49, "begin": 7},
    "multi_step_decay": {"init_value": 0.3, "factor": 0.7, "boundaries": (7, 49, 61)},
    "one_cycle": {
        "max_value": 0.3,
        "duration": 83,
        "warmup_share": 0.3,
        "init_factor": 0.04,
        "end_factor": 4e-6,
    },
    "polynomial_decay": {
        "init_value": 0.3,
        "end_value": 0.01,
        "power": 0.7,
        "duration": 49,
        "begin": 7,
    },
    "step_decay": {"init_value": 0.3, "factor": 0.7, "period": 49},
    "triangular": {"min_value": 0.01, "max_value": 0.3, "half_period": 7},
    "triangular_exponential": {
        "min_value": 0.01,
        "max_value": 0.3,
        "half_period": 7,
        "factor": 0.97,
    },
    "triangular_halving": {"min_value": 0.01, "max_value": 0.3, "half_period": 7},
    "warmup_stable_decay": {
        "max_value": 0.3,
        "warmup": 7,
        "stable": 42,
        "decay": 61,
        "end_value": 0.01,
    },
    "with_warmup": {"max_value": 0.3, "min_value": 0.01, "duration": 49, "warmup": 7},
}


def with_warmup(*, warmup, **annealing):
    return schedules.with_warmup(schedules.cosine_annealing(**annealing), duration=warmup)


def join(*, init_value, rate, value, first, second):
    decay = schedules.inverse_time_decay(init_value, rate=rate)
    return schedules.join([decay, schedules.constant(value), decay], boundaries=[first, second])


def held(*, period, **line):
    return schedules.held(schedules.linear(**line), period=period)


COMPOSED = {"held": held, "join": join, "with_warmup": with_warmup}


def make(name, arguments=None):
    function = COMPOSED.get(name) or getattr(schedules, name)
    return function(**(ARGUMENTS[name] if arguments is None else arguments))


def traceable(name):
    """Return the arguments as arrays of the default float dtype."""
    return jax.tree.map(lambda x: jnp.asarray(float(x)), ARGUMENTS[name])
