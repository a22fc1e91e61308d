"""Every schedule against its closed form."""

import cases
import closed_forms
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from enrolment import assert_entries

from ae_optax import schedules

STEPS = np.arange(150, dtype=np.int32)
# Powers carry the rounding of an exponent that reaches five; cosines, sums and quotients less.
TOLERANCE = {False: 1.5e-6, True: 3e-15}
NAMES = sorted(cases.ARGUMENTS)


def expected(name, steps=STEPS, arguments=None):
    formula = getattr(closed_forms, name)
    arguments = cases.ARGUMENTS[name] if arguments is None else arguments
    return np.array([formula(t, **arguments) for t in np.asarray(steps).tolist()])


def test_every_schedule_has_a_case():
    assert_entries(
        cases.ARGUMENTS,
        schedules.__all__,
        at="tests/schedules/cases.py: ARGUMENTS",
        entry="its numbers; its formula goes into closed_forms.py, by its name",
    )


def test_names_are_sorted():
    assert schedules.__all__ == sorted(set(schedules.__all__))


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_closed_form(name, x64):
    with jax.enable_x64(x64):
        values = np.asarray(jax.jit(jax.vmap(cases.make(name)))(STEPS))
        traced = jax.jit(lambda a: jax.vmap(cases.make(name, a))(STEPS))(cases.traceable(name))
    rtol = TOLERANCE[x64]
    np.testing.assert_allclose(values, expected(name), rtol=rtol, atol=rtol * 0.1)
    # A traced number is rounded to the default dtype, a Python number is not.
    np.testing.assert_allclose(np.asarray(traced), expected(name), rtol=4 * rtol)


@pytest.mark.parametrize("name", NAMES)
def test_a_python_number_is_not_rounded_to_float32(name):
    schedule = cases.make(name)  # Made in a world of float32, asked in one of float64.
    schedule(0)
    with jax.enable_x64(True):
        np.testing.assert_allclose(schedule(100), expected(name, [100])[0], rtol=3e-15)


@jax.jit
def halved(period, steps):
    return schedules.step_decay(1.0, factor=0.5, period=period)(steps)


@pytest.mark.parametrize("period", [1, 3, 41, 47, 49, 55, 83, 97, 103])
def test_step_decay_changes_exactly_at_multiples(period):
    k = np.arange(1, 60)
    steps = np.stack([k * period - 1, k * period]).ravel().astype(np.int32)
    want = 2.0 ** -(steps // period)
    for traced in (np.int32(period), np.float32(period)):
        np.testing.assert_array_equal(halved(traced, steps), want)
    schedule = schedules.step_decay(1.0, factor=0.5, period=period)
    np.testing.assert_array_equal(jax.jit(schedule)(steps), want)


def test_step_decay_changes_exactly_at_multiples_of_a_fraction():
    schedule = schedules.step_decay(1.0, factor=0.5, period=2.5)
    np.testing.assert_array_equal(
        jax.jit(schedule)(np.arange(100)), 2.0 ** -(np.arange(100) * 2 // 5)
    )


@pytest.mark.parametrize("half_period", [1, 3, 41, 47, 49, 83])
def test_triangular_turns_exactly_at_multiples(half_period):
    steps = half_period * np.arange(40, dtype=np.int32)
    schedule = jax.jit(schedules.triangular(0.1, 0.7, half_period=half_period))
    np.testing.assert_array_equal(schedule(steps), np.tile(np.float32([0.1, 0.7]), 20))
    halving = jax.jit(schedules.triangular_halving(0.0, 1.0, half_period=half_period))
    np.testing.assert_array_equal(halving(steps)[1::2], 2.0 ** -np.arange(20))


@pytest.mark.parametrize("duration", [1, 41, 47, 49, 83])
def test_ends_are_met_exactly(duration):
    ends = np.array([0, duration, 2**31 - 1], np.int32)
    for schedule in (
        schedules.linear(0.3, end_value=0.01, duration=duration),
        schedules.polynomial_decay(0.3, end_value=0.01, power=0.5, duration=duration),
        schedules.cosine_annealing(0.3, min_value=0.01, duration=duration),
    ):
        np.testing.assert_array_equal(jax.jit(schedule)(ends), np.float32([0.3, 0.01, 0.01]))


def test_the_smallest_values_keep_their_digits():
    # 1 + cos loses all digits here: its value is 2.5e-10, float32's last place 6e-8.
    schedule = schedules.cosine_annealing(1.0, duration=100_000)
    want = np.sin(np.pi / 2 * 1e-5) ** 2
    np.testing.assert_allclose(jax.jit(schedule)(99_999), want, rtol=1e-6)


def test_a_factor_close_to_one_keeps_its_digits():
    schedule = schedules.geometric_decay(1.0, factor=0.99999, period=1)
    steps = np.array([10, 1000, 100_000, 1_000_000], np.int32)
    np.testing.assert_allclose(jax.jit(schedule)(steps), 0.99999 ** steps.astype(float), rtol=1e-6)


def test_warm_up_uses_the_first_step_and_repeats_none():
    schedule = schedules.with_warmup(schedules.constant(1.0), duration=4)
    np.testing.assert_allclose(schedule(np.arange(6)), [0.2, 0.4, 0.6, 0.8, 1, 1], rtol=1e-6)


def test_warm_up_of_no_steps_is_the_schedule():
    decay = schedules.inverse_time_decay(0.3, rate=0.1)
    np.testing.assert_array_equal(schedules.with_warmup(decay, duration=0)(STEPS), decay(STEPS))


def test_warmup_stable_decay_may_leave_out_what_may_be_zero():
    schedule = schedules.warmup_stable_decay(1.0, warmup=0, stable=0, decay=4)
    np.testing.assert_allclose(schedule(np.arange(6)), [1, 0.75, 0.5, 0.25, 0, 0])


def test_join_of_one_schedule_is_the_schedule():
    decay = schedules.inverse_time_decay(0.3, rate=0.1)
    np.testing.assert_array_equal(schedules.join([decay], boundaries=[])(STEPS), decay(STEPS))


def test_join_asks_no_schedule_for_a_step_that_is_not_its_own():
    seen = []

    def spy(step):
        seen.append(np.asarray(step))
        return jnp.asarray(step).astype(float)

    schedule = schedules.join([spy, spy], boundaries=[4])
    np.testing.assert_array_equal(schedule(np.arange(8)), [0, 1, 2, 3, 0, 1, 2, 3])
    np.testing.assert_array_equal(seen, [[0, 1, 2, 3, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 2, 3]])


def test_vaswani_s_schedule_is_a_warmed_up_inverse_root():
    # d^-0.5 min(n^-0.5, n w^-1.5) with n = t + 1 and w + 1 for w; both pieces meet at n = w + 1.
    w = 40
    decay = schedules.inverse_sqrt(w**-0.5, duration=w)
    schedule = schedules.join(
        [schedules.linear(0, end_value=w**-0.5, duration=w), lambda t: decay(t + w)],
        boundaries=[w],
    )
    n = np.arange(1, 150)
    want = np.minimum(n**-0.5, n * w**-1.5)
    np.testing.assert_allclose(schedule(n.astype(np.int32)), want, rtol=1e-6)
