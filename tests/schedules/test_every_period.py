"""What happens every so many steps happens at the very step, for every period, compiled or not.

XLA turns a division by a constant into a product with its rounded reciprocal.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow

from ae_optax import schedules
from ae_optax.compat import keras, torch

PERIODS = np.arange(1, 301)
# The last step of a cycle, the first of the next, and the one between.
STEPS = np.stack([k * PERIODS + i for k in (1, 2, 3, 5, 7, 41) for i in (-1, 0)], axis=1)
DONE = STEPS // PERIODS[:, None]
LEFT = 1 - STEPS % PERIODS[:, None] / PERIODS[:, None]
STARTED = np.maximum(-(-STEPS // PERIODS[:, None]), 1)


def wave(left):
    return 0.5 - 0.5 * np.cos(np.pi * left)


CASES = {
    "step_decay": (lambda p: schedules.step_decay(1.0, factor=0.5, period=p), 0.5**DONE),
    "cosine_warm_restarts": (
        lambda p: schedules.cosine_warm_restarts(1.0, min_value=0.0, period=p),
        wave(LEFT),
    ),
    "triangular_halving": (
        lambda p: schedules.triangular_halving(0.0, 1.0, half_period=p),
        np.where(DONE % 2 == 0, 1 - LEFT, LEFT) / 2.0 ** (DONE // 2),
    ),
    "torch.step_lr": (lambda p: torch.step_lr(1.0, p, 0.5), 0.5**DONE),
    "torch.cyclic_lr": (
        lambda p: torch.cyclic_lr(1.0, 0.0, 1.0, p, p, "triangular2"),
        np.where(DONE % 2 == 0, 1 - LEFT, LEFT) / 2.0 ** (DONE // 2),
    ),
    "torch.cosine_annealing_warm_restarts": (
        lambda p: torch.cosine_annealing_warm_restarts(1.0, p),
        wave(LEFT),
    ),
    "torch.polynomial_lr": (
        lambda p: torch.polynomial_lr(1.0, p, 0.25),
        np.where(DONE == 0, LEFT, 0) ** 0.25,
    ),
    "torch.linear_lr": (
        lambda p: torch.linear_lr(1.0, 1.0, 0.0, p),
        np.where(DONE == 0, LEFT, 0),
    ),
    "keras.exponential_decay": (lambda p: keras.exponential_decay(1.0, p, 0.5, True), 0.5**DONE),
    "keras.inverse_time_decay": (
        lambda p: keras.inverse_time_decay(1.0, p, 3.0, True),
        1 / (1 + 3 * DONE),
    ),
    "keras.polynomial_decay": (
        lambda p: keras.polynomial_decay(1.0, p, 0.0, 0.25, True),
        (1 - STEPS / (PERIODS[:, None] * STARTED)) ** 0.25,
    ),
    "keras.cosine_decay_restarts": (
        lambda p: keras.cosine_decay_restarts(1.0, p, t_mul=1.0),
        wave(LEFT),
    ),
}


@pytest.mark.parametrize("x64", [False, *slow(True)])
@pytest.mark.parametrize("name", CASES)
def test_what_is_periodic_turns_at_the_very_step(name, x64):
    make, want = CASES[name]
    tolerance = 1e-13 if x64 else 1e-5  # A step too late or early is off by a thousandth or more.
    with jax.enable_x64(x64):
        periods = PERIODS.astype(np.int32)

        def all_of_them(steps):
            return jax.vmap(lambda p, t: make(p)(t))(periods, steps)

        steps = STEPS.astype(np.int32)
        for found in (jax.jit(all_of_them)(steps), all_of_them(steps)):
            np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
        plain = [55, 97, 299]  # A plain number is another constant than a traced one.
        found = jax.jit(lambda: jnp.stack([make(p)(steps[p - 1]) for p in plain]))()
        np.testing.assert_allclose(
            found, want[[p - 1 for p in plain]], rtol=tolerance, atol=tolerance
        )
