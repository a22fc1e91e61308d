"""What holds whatever the numbers are."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_optax import schedules

STEPS = np.arange(200, dtype=np.int32)
ULPS = 1 + 1e-6

values = st.floats(2**-20, 8, width=32)
lengths = st.integers(1, 150)
ranges = st.tuples(values, values).map(sorted)
factors = st.floats(0.01, 1)
few = settings(max_examples=25, deadline=None, derandomize=True)


@jax.jit
def family(low, high, length, factor):
    """Return one of each, compiled once for all examples."""
    return {
        "exponential": schedules.exponential_decay(high, rate=factor)(STEPS),
        "geometric": schedules.geometric_decay(high, factor=factor, period=length)(STEPS),
        "steps": schedules.step_decay(high, factor=factor, period=length)(STEPS),
        "time": schedules.inverse_time_decay(high, rate=factor)(STEPS),
        "root": schedules.inverse_sqrt(high, duration=length)(STEPS),
        "linear": schedules.linear(high, end_value=low, duration=length)(STEPS),
        "polynomial": schedules.polynomial_decay(
            high, end_value=low, power=factor, duration=length
        )(STEPS),
        "cosine": schedules.cosine_annealing(high, min_value=low, duration=length)(STEPS),
    }


@few
@given(ranges, lengths, factors)
def test_decay_never_grows_and_starts_where_it_says(pair, length, factor):
    low, high = pair
    for values in family(low, high, length, factor).values():
        np.testing.assert_allclose(values[0], high, rtol=1e-6)
        assert (values[1:] <= values[:-1] * ULPS).all()
        assert (values >= 0).all()


@jax.jit
def waves(low, high, half, factor):
    return {
        "triangular": schedules.triangular(low, high, half_period=half)(STEPS),
        "halving": schedules.triangular_halving(low, high, half_period=half)(STEPS),
        "exponential": schedules.triangular_exponential(low, high, half_period=half, factor=factor)(
            STEPS
        ),
        "restarts": schedules.cosine_warm_restarts(
            high, min_value=low, period=half, period_multiplier=1 + factor, decay=factor
        )(STEPS),
        "equal restarts": schedules.cosine_warm_restarts(high, min_value=low, period=half)(STEPS),
    }


@few
@given(ranges, lengths, factors)
def test_cycles_stay_within_their_bounds(pair, half, factor):
    low, high = pair
    for values in waves(low, high, half, factor).values():
        assert (values >= low / ULPS).all()
        assert (values <= high * ULPS).all()


@few
@given(ranges, st.integers(1, 60), factors)
def test_cycles_repeat(pair, half, factor):
    low, high = pair
    found = waves(low, high, half, factor)
    for name, period in {"triangular": 2 * half, "equal restarts": half}.items():
        np.testing.assert_array_equal(found[name][period:], found[name][:-period])
    # Each cycle of the halving wave is half as high.
    over = np.asarray(found["halving"] - np.float32(low))
    np.testing.assert_allclose(over[2 * half :], over[: -2 * half] / 2, atol=1e-6 * high)


@few
@given(values, st.integers(0, 60), st.integers(1, 60))
def test_warm_up_rises_strictly_to_the_start_of_its_schedule(value, duration, rest):
    decay = schedules.linear(value, end_value=0.0, duration=rest)
    found = np.asarray(schedules.with_warmup(decay, duration=duration)(STEPS))
    assert found[0] > 0
    assert (np.diff(found[: duration + 1]) > 0).all()
    assert found[duration] == np.float32(value)
    np.testing.assert_array_equal(found[duration:], decay(STEPS)[: len(STEPS) - duration])


@few
@given(st.lists(st.integers(1, 190), min_size=1, max_size=5, unique=True).map(sorted))
def test_join_of_constants_is_a_staircase(boundaries):
    heights = np.arange(len(boundaries) + 1.0)
    schedule = schedules.join(map_constant(heights), boundaries=boundaries)
    np.testing.assert_array_equal(schedule(STEPS), np.searchsorted(boundaries, STEPS, side="right"))
    halved = schedules.multi_step_decay(1.0, factor=0.5, boundaries=boundaries)
    np.testing.assert_array_equal(halved(STEPS), 2.0 ** -np.asarray(schedule(STEPS)))


def map_constant(heights):
    return [schedules.constant(float(height)) for height in heights]
