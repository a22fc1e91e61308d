"""Warm restarts fall exactly on their steps."""

import closed_forms
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.schedules import cosine_warm_restarts


def boundaries(period, multiplier, *, below=2**24):
    begin, length, found = 0, period, []
    while begin < below and len(found) < 200:
        found.append(begin)
        begin, length = begin + length, length * multiplier
    return np.array(found[1:], np.int32)


DECAY = 1 - 2**-10


@jax.jit
def traced(period, multiplier, steps):
    return cosine_warm_restarts(1.0, period=period, period_multiplier=multiplier, decay=DECAY)(
        steps
    )


def check_restarts(values, period, multiplier):
    steps = boundaries(period, multiplier)
    padded = np.resize(steps, 200)  # One shape compiles once.
    want = np.resize(DECAY ** np.arange(1.0, len(steps) + 1), 200)
    # At a restart the value is the top of the new cycle, a step sooner it is far below.
    np.testing.assert_allclose(values(padded), want, rtol=1e-6)
    if period > 1:
        assert (values(padded - 1) < 0.8 * want).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("multiplier", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("period", [1, 3, 10, 49, 1000])
def test_restarts_fall_on_their_steps(period, multiplier, dtype):
    check_restarts(
        lambda steps: traced(dtype(period), dtype(multiplier), steps), period, multiplier
    )


@pytest.mark.parametrize(("period", "multiplier"), [(49, 1), (49, 2), (3, 3), (41.0, 2.0)])
def test_restarts_of_plain_numbers_fall_on_their_steps(period, multiplier):
    schedule = cosine_warm_restarts(1.0, period=period, period_multiplier=multiplier, decay=DECAY)
    check_restarts(jax.jit(schedule), period, multiplier)


@pytest.mark.parametrize("multiplier", [1.5, 1.1, 1.001, 1.0000001])
def test_a_fractional_multiplier_matches_the_sum(multiplier):
    steps = np.unique(np.geomspace(1, 20_000, 60).astype(np.int32))
    numbers = {"min_value": 0.1, "period": 16, "period_multiplier": multiplier, "decay": 0.999}
    with jax.enable_x64(True):
        values = jax.jit(cosine_warm_restarts(1.0, **numbers))(steps)
    want = [closed_forms.cosine_warm_restarts(t, max_value=1.0, **numbers) for t in steps]
    np.testing.assert_allclose(values, want, rtol=1e-10)  # The loop sums 10^3 terms.


def test_a_million_cycles_are_counted_right():
    steps = np.array([999_999, 1_000_000, 1_000_001], np.int32) * 10
    for multiplier in (1, jnp.float32(1)):
        s = cosine_warm_restarts(1.0, period=10, period_multiplier=multiplier)
        np.testing.assert_array_equal(jax.jit(s)(steps), 1)
        assert (jax.jit(s)(steps - 1) < 0.03).all()


def test_equal_cycles_are_exact_at_any_step():
    schedule = jax.jit(cosine_warm_restarts(1.0, period=1000))
    last = (2**31 - 1) // 1000 * 1000
    steps = np.array([last - 1, last, last + 500], np.int32)
    np.testing.assert_allclose(schedule(steps), [2.4674e-6, 1, 0.5], rtol=1e-5)


def test_cycles_grow_smoothly_through_equal_ones():
    def value(m):
        return cosine_warm_restarts(1.0, period=10, period_multiplier=m)(25)

    slope = (value(jnp.float32(1.01)) - value(jnp.float32(1.0))) / 0.01
    # Begin 10 (1 + m), length 10 m^2: the fraction (25 - 10 - 10 m) / (10 m^2) falls by 2 / unit.
    np.testing.assert_allclose(jax.grad(value)(1.0), np.pi, rtol=1e-5)
    np.testing.assert_allclose(slope, np.pi, rtol=0.05)


def test_the_top_never_falls_below_the_minimum():
    schedule = cosine_warm_restarts(1.0, min_value=0.3, period=4, decay=0.5)
    np.testing.assert_allclose(schedule(np.arange(0, 20, 4)), [1, 0.5, 0.3, 0.3, 0.3], rtol=1e-6)
