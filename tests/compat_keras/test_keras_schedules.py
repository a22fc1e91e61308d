"""The schedules of `ae_optax.compat.keras` at the steps where they are easy to get wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.compat import keras as compat

MADE = {
    "cosine_decay": {"initial_learning_rate": 0.1, "decay_steps": 20},
    "cosine_decay_restarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "exponential_decay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "inverse_time_decay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "piecewise_constant_decay": {"boundaries": [10, 20], "values": [1.0, 0.5, 0.25]},
    "polynomial_decay": {"initial_learning_rate": 0.1, "decay_steps": 20},
}
EVERY = pytest.mark.parametrize("name", MADE)


def make(name, /, **arguments):
    return getattr(compat, name)(**{**MADE[name], **arguments})


def at(schedule, *steps):
    return [float(schedule(step)) for step in steps]


@EVERY
def test_takes_numbers_arrays_and_traced_steps_and_returns_the_default_dtype(name):
    for x64 in (False, True):
        with jax.enable_x64(x64):
            schedule = make(name)
            values = [schedule(7), schedule(jnp.int32(7)), jax.jit(schedule)(jnp.int32(7))]
            assert all(v.dtype == jnp.result_type(float) and v.shape == () for v in values)
            np.testing.assert_allclose(values, values[0], rtol=1e-6)


@EVERY
def test_numbers_may_be_traced(name):
    numbers = {k: v for k, v in MADE[name].items() if isinstance(v, float)}
    traced = jax.jit(lambda numbers: make(name, **numbers)(7))(numbers)
    np.testing.assert_allclose(traced, make(name)(7), rtol=1e-6)


@EVERY
def test_the_name_is_without_meaning(name):
    assert at(make(name, name=None), 0, 3, 30) == at(make(name), 0, 3, 30)


def test_a_boundary_is_the_last_step_at_the_old_value():
    assert at(make("piecewise_constant_decay"), 0, 10, 11, 20, 21) == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_no_boundary_makes_a_constant():
    assert at(compat.piecewise_constant_decay([], [0.5]), 0, 99) == [0.5, 0.5]


def test_a_polynomial_cycle_reaches_the_end_before_it_starts_again():
    schedule = make("polynomial_decay", end_learning_rate=0.0, cycle=True)
    desired = [0.1, 0.05, 0.0, 0.1 * (1 - 21 / 40), 0.0]
    np.testing.assert_allclose(at(schedule, 0, 10, 20, 21, 40), desired, atol=1e-8)


def test_a_polynomial_without_cycle_stays_at_the_end():
    np.testing.assert_allclose(at(make("polynomial_decay"), 20, 99), [1e-4, 1e-4], rtol=1e-6)


def test_restarts_come_at_the_step_and_for_longer_each_time():
    # Cycles begin at 0, 5, 15, 35, ... and each starts from 0.8 times the top before.
    schedule = make("cosine_decay_restarts", m_mul=0.8)
    tops = at(schedule, 0, 5, 15, 35, 75, 155)
    np.testing.assert_allclose(tops, 0.1 * 0.8 ** np.arange(6), rtol=1e-6)


def test_what_is_left_is_a_share_of_the_first_top():
    schedule = make("cosine_decay_restarts", t_mul=1.0, m_mul=0.5, alpha=0.2)
    # The top of the second cycle: 0.1 (0.2 + 0.8 * 0.5).
    np.testing.assert_allclose(at(schedule, 5), [0.06], rtol=1e-6)


def test_a_warm_up_rises_to_its_target_and_the_cosine_starts_there():
    schedule = make("cosine_decay", warmup_target=0.5, warmup_steps=4, alpha=0.1)
    desired = [0.1, 0.3, 0.5, 0.5 * (0.1 + 0.9 / 2), 0.05, 0.05]
    np.testing.assert_allclose(at(schedule, 0, 2, 4, 14, 24, 99), desired, rtol=1e-6)


def test_a_warm_up_without_target_is_none():
    assert at(make("cosine_decay", warmup_steps=4), 0, 9) == at(make("cosine_decay"), 0, 9)


def test_a_warm_up_of_no_steps_starts_at_its_target():
    assert at(make("cosine_decay", warmup_target=0.5), 0) == [0.5]


POSITIVE, NEGATIVE = "must be positive and finite, got 0", "must be at least 0 and finite, got -1"


@pytest.mark.parametrize(
    ("name", "argument", "value", "message"),
    [
        *(
            (name, argument, value, f"`{argument}` {message}")
            for name, arguments in {
                "cosine_decay": {
                    "initial_learning_rate": NEGATIVE,
                    "decay_steps": POSITIVE,
                    "alpha": NEGATIVE,
                    "warmup_target": NEGATIVE,
                    "warmup_steps": NEGATIVE,
                },
                "cosine_decay_restarts": {
                    "initial_learning_rate": NEGATIVE,
                    "first_decay_steps": POSITIVE,
                    "m_mul": POSITIVE,
                    "alpha": NEGATIVE,
                },
                "exponential_decay": {
                    "initial_learning_rate": NEGATIVE,
                    "decay_steps": POSITIVE,
                    "decay_rate": POSITIVE,
                },
                "inverse_time_decay": {
                    "initial_learning_rate": NEGATIVE,
                    "decay_steps": POSITIVE,
                    "decay_rate": NEGATIVE,
                },
                "polynomial_decay": {
                    "initial_learning_rate": NEGATIVE,
                    "decay_steps": POSITIVE,
                    "end_learning_rate": NEGATIVE,
                    "power": POSITIVE,
                },
            }.items()
            for argument, message in arguments.items()
            for value in [0 if message == POSITIVE else -1]
        ),
        ("cosine_decay_restarts", "t_mul", 0.5, "`t_mul` must be at least 1 and finite, got 0.5"),
        (
            "piecewise_constant_decay",
            "boundaries",
            [20, 10],
            r"`boundaries` must be strictly increasing, got \[20, 10\]",
        ),
        (
            "piecewise_constant_decay",
            "values",
            [1.0, 2.0],
            "`values` must be one more than the 2 `boundaries`, got 2",
        ),
        (
            "piecewise_constant_decay",
            "values",
            [1.0, np.inf, 0.1],
            r"`values\[1\]` must be finite, got inf",
        ),
    ],
)
def test_an_argument_out_of_its_range_is_an_error(name, argument, value, message):
    with pytest.raises(ValueError, match=message):
        make(name, **{argument: value})


@EVERY
def test_an_argument_that_is_no_number_is_an_error(name):
    first = next(iter(MADE[name]))
    with pytest.raises(TypeError, match="must be a number, got 'x'"):
        make(name, **{first: ["x", 20] if first == "boundaries" else "x"})
