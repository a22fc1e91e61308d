"""Optax's schedules, where it computes the same."""

import functools

import jax
import numpy as np
import optax
import pytest

from ae_optax import schedules

PAIRS = {
    "step_decay": (
        schedules.step_decay(0.3, factor=0.7, period=30),
        optax.exponential_decay(0.3, 30, 0.7, staircase=True),
    ),
    "multi_step_decay": (
        schedules.multi_step_decay(0.3, factor=0.7, boundaries=[10, 20]),
        optax.piecewise_constant_schedule(0.3, {10: 0.7, 20: 0.7}),
    ),
    "geometric_decay": (
        schedules.geometric_decay(0.3, factor=0.7, period=30),
        optax.exponential_decay(0.3, 30, 0.7),
    ),
    "linear": (
        schedules.linear(0.3, end_value=0.01, duration=60, begin=20),
        optax.linear_schedule(0.3, 0.01, 60, 20),
    ),
    "polynomial_decay": (
        schedules.polynomial_decay(0.3, end_value=0.01, power=2.5, duration=60, begin=20),
        optax.polynomial_schedule(0.3, 0.01, 2.5, 60, 20),
    ),
    "cosine_annealing": (
        schedules.cosine_annealing(0.3, min_value=0.03, duration=60),
        optax.cosine_decay_schedule(0.3, 60, alpha=0.1),
    ),
    "cosine_warm_restarts": (
        schedules.cosine_warm_restarts(0.3, period=10, period_multiplier=2),
        optax.join_schedules(
            [optax.cosine_decay_schedule(0.3, 10 * 2**k) for k in range(5)],
            [10, 30, 70, 150],
        ),
    ),
    "one_cycle": (  # 0.3 of 60 is whole: nothing to round.
        schedules.one_cycle(0.3, duration=60),
        optax.cosine_onecycle_schedule(60, 0.3),
    ),
    "join": (
        schedules.join(
            [schedules.constant(0.3), schedules.geometric_decay(0.1, factor=0.7, period=30)],
            boundaries=[50],
        ),
        optax.join_schedules(
            [optax.constant_schedule(0.3), optax.exponential_decay(0.1, 30, 0.7)], [50]
        ),
    ),
}


@functools.cache
def values():
    """Return the values of both in float64, where what differs is the formula."""

    def compute(which):
        return jax.jit(lambda: {name: jax.vmap(pair[which])(steps) for name, pair in PAIRS.items()})

    with jax.enable_x64(True):
        steps = np.arange(200)
        ours = compute(0)()
        with jax.numpy_dtype_promotion("standard"):  # Optax's do not pass strict promotion.
            return ours, compute(1)()


@pytest.mark.parametrize("name", PAIRS)
def test_equals_that_of_optax(name):
    ours, theirs = values()
    np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, atol=1e-15)
