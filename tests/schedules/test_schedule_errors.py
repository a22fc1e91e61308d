"""Each mistake in an argument, by its message."""

import math
import re

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from enrolment import assert_entries

from ae_optax import schedules

POSITIVE = "be positive and finite"
NON_NEGATIVE = "be at least 0 and finite"
SHRINKING = "lie in (0, 1]"

RULES = {
    "constant": {"value": "be finite"},
    "cosine_annealing": {"max_value": "be finite", "min_value": "be finite", "duration": POSITIVE},
    "cosine_warm_restarts": {
        "max_value": "be finite",
        "min_value": "be finite",
        "period": POSITIVE,
        "period_multiplier": "be at least 1 and finite",
        "decay": SHRINKING,
    },
    "exponential_decay": {"init_value": "be finite", "rate": NON_NEGATIVE},
    "geometric_decay": {"init_value": "be finite", "factor": POSITIVE, "period": POSITIVE},
    "inverse_sqrt": {"init_value": "be finite", "duration": POSITIVE},
    "inverse_time_decay": {"init_value": "be finite", "rate": NON_NEGATIVE},
    "linear": {
        "init_value": "be finite",
        "end_value": "be finite",
        "duration": POSITIVE,
        "begin": NON_NEGATIVE,
    },
    "multi_step_decay": {"init_value": "be finite", "factor": POSITIVE},
    "one_cycle": {
        "max_value": NON_NEGATIVE,
        "duration": POSITIVE,
        "warmup_share": "lie in (0, 1)",
        "init_factor": NON_NEGATIVE,
        "end_factor": NON_NEGATIVE,
    },
    "polynomial_decay": {
        "init_value": "be finite",
        "end_value": "be finite",
        "power": POSITIVE,
        "duration": POSITIVE,
        "begin": NON_NEGATIVE,
    },
    "step_decay": {"init_value": "be finite", "factor": POSITIVE, "period": POSITIVE},
    "triangular": {"min_value": "be finite", "max_value": "be finite", "half_period": POSITIVE},
    "triangular_exponential": {
        "min_value": "be finite",
        "max_value": "be finite",
        "half_period": POSITIVE,
        "factor": SHRINKING,
    },
    "triangular_halving": {
        "min_value": "be finite",
        "max_value": "be finite",
        "half_period": POSITIVE,
    },
    "warmup_stable_decay": {
        "max_value": "be finite",
        "end_value": "be finite",
        "warmup": NON_NEGATIVE,
        "stable": NON_NEGATIVE,
        "decay": POSITIVE,
    },
}
BAD = {
    "be finite": [math.inf, math.nan],
    POSITIVE: [0, -1.5, math.inf, math.nan],
    NON_NEGATIVE: [-1, math.inf, math.nan],
    SHRINKING: [0, -0.5, 1.5, math.nan],
    "lie in (0, 1)": [0, 1, -0.5, math.nan],
    "be at least 1 and finite": [0.5, math.inf, math.nan],
}
ALL = [
    (name, argument, rule, value)
    for name, rules in RULES.items()
    for argument, rule in rules.items()
    for value in BAD[rule]
]


def exactly(message):
    return re.escape(message) + r"\Z"


def test_every_schedule_of_numbers_is_among_them():
    assert_entries(
        RULES,
        {*schedules.__all__} - {"held", "join", "with_warmup"},
        at="tests/schedules/test_schedule_errors.py: RULES",
        entry="which rule each of its arguments obeys",
    )


@pytest.mark.parametrize(("name", "argument", "rule", "value"), ALL)
def test_a_number_out_of_range(name, argument, rule, value):
    message = f"`{argument}` must {rule}, got {value!r}."
    with pytest.raises(ValueError, match=exactly(message)):
        cases.make(name, {**cases.ARGUMENTS[name], argument: value})


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n in RULES for a in RULES[n]])
def test_no_number_at_all(name, argument):
    for value in (None, True, "0.1"):
        message = f"`{argument}` must be a number, got {value!r}."
        with pytest.raises(TypeError, match=exactly(message)):
            cases.make(name, {**cases.ARGUMENTS[name], argument: value})


@pytest.mark.parametrize("name", [n for n in RULES if {"min_value", "max_value"} <= {*RULES[n]}])
def test_a_range_upside_down(name):
    message = "`max_value` must be at least `min_value`, got 0.1 and 0.2."
    with pytest.raises(ValueError, match=exactly(message)):
        cases.make(name, {**cases.ARGUMENTS[name], "max_value": 0.1, "min_value": 0.2})


def multi_step(boundaries):
    return schedules.multi_step_decay(1.0, factor=0.5, boundaries=boundaries)


def joined(boundaries):
    return schedules.join([schedules.constant(1)] * 3, boundaries=boundaries)


@pytest.mark.parametrize("make", [multi_step, joined])
@pytest.mark.parametrize(
    ("boundaries", "error", "message"),
    [
        ([20, 10], ValueError, "`boundaries` must be strictly increasing, got [20, 10]."),
        ([10, 10], ValueError, "`boundaries` must be strictly increasing, got [10, 10]."),
        ([0, 10], ValueError, "`boundaries[0]` must be positive and finite, got 0."),
        ([10, -1], ValueError, "`boundaries[1]` must be positive and finite, got -1."),
        ([10, None], TypeError, "`boundaries[1]` must be a number, got None."),
        (10, TypeError, "`boundaries` must be a sequence of numbers, got 10."),
        ("10", TypeError, "`boundaries` must be a sequence of numbers, got '10'."),
        ({10: 0.5}, TypeError, "`boundaries` must be a sequence of numbers, got {10: 0.5}."),
    ],
)
def test_boundaries_that_are_none(make, boundaries, error, message):
    with pytest.raises(error, match=exactly(message)):
        make(boundaries)


def test_boundaries_may_be_an_array():
    for boundaries in ((10, 20), np.array([10, 20]), jnp.array([10, 20])):
        np.testing.assert_allclose(multi_step(boundaries)(np.array([9, 10, 20])), [1, 0.5, 0.25])
    swept = jax.vmap(lambda b: multi_step(b)(10))(jnp.array([[10, 20], [11, 20]]))
    np.testing.assert_allclose(swept, [0.5, 1])


@pytest.mark.parametrize(
    ("pieces", "error", "message"),
    [
        (2, ValueError, "`schedules` must be one more than `boundaries`, got 2 and 2."),
        (4, ValueError, "`schedules` must be one more than `boundaries`, got 4 and 2."),
        (0, ValueError, "`schedules` must be one more than `boundaries`, got 0 and 2."),
    ],
)
def test_a_wrong_number_of_schedules(pieces, error, message):
    with pytest.raises(error, match=exactly(message)):
        schedules.join([schedules.constant(1)] * pieces, boundaries=[10, 20])


WAY_OUT = "Make a number one with `constant`."


def test_a_number_in_the_place_of_a_schedule():
    message = f"`schedules[1]` must be a function of the step, got 0.1. {WAY_OUT}"
    with pytest.raises(TypeError, match=exactly(message)):
        schedules.join([schedules.constant(1), 0.1], boundaries=[10])
    message = f"`schedule` must be a function of the step, got 0.1. {WAY_OUT}"
    with pytest.raises(TypeError, match=exactly(message)):
        schedules.with_warmup(0.1, duration=10)
    with pytest.raises(TypeError, match=exactly(message)):
        schedules.held(0.1, period=10)


def test_a_schedule_in_the_place_of_schedules():
    for value in (0.1, schedules.constant(1)):
        with pytest.raises(TypeError, match="`schedules` must be a sequence of schedules, got "):
            schedules.join(value, boundaries=[10])


@pytest.mark.parametrize("duration", [-1, math.inf, math.nan])
def test_a_warm_up_of_no_length(duration):
    message = f"`duration` must be at least 0 and finite, got {duration!r}."
    with pytest.raises(ValueError, match=exactly(message)):
        schedules.with_warmup(schedules.constant(1), duration=duration)


@pytest.mark.parametrize("period", BAD[POSITIVE])
def test_stairs_of_no_length(period):
    message = f"`period` must be positive and finite, got {period!r}."
    with pytest.raises(ValueError, match=exactly(message)):
        schedules.held(schedules.constant(1), period=period)
