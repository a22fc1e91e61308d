"""``running_sum`` and ``running_max``."""

import jax.numpy as jnp
import numpy as np
import pytest
from running import run, stream

from ae_optax import transforms as tf


@pytest.mark.parametrize("initial_value", [0.0, 0.1])
def test_running_sum_matches_the_formula(initial_value):
    grads = stream(2, 3).astype(np.float32)
    desired = initial_value + np.cumsum(grads, axis=0, dtype=np.float64)
    # Sums of a dozen numbers of size one: a few units in the last place of float32.
    np.testing.assert_allclose(
        run(tf.running_sum(initial_value=initial_value), grads), desired, rtol=1e-6, atol=1e-6
    )


def test_running_sum_of_bfloat16_does_not_stall():
    ones = jnp.ones((1000, 1), jnp.bfloat16)
    assert run(tf.running_sum(), ones)[-1] == 1000  # Summed in bfloat16 it is 256.


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_running_max_matches_the_formula(decay):
    grads, u, desired = np.abs(stream(2, 3)).astype(np.float32), 0.0, []
    for g in grads:
        u = np.maximum(decay * u, g)
        desired.append(u)
    # rtol: one product for each step.
    np.testing.assert_allclose(run(tf.running_max(decay=decay), grads), desired, rtol=2e-6)


def test_running_max_never_falls_unless_it_fades():
    grads = np.abs(stream(5, steps=40)).astype(np.float32)
    assert np.all(np.diff(run(tf.running_max(), grads), axis=0) >= 0)
    assert np.any(np.diff(run(tf.running_max(decay=0.9), grads), axis=0) < 0)


def test_running_max_without_memory_is_the_identity():
    grads = np.abs(stream(5)).astype(np.float32)
    np.testing.assert_array_equal(run(tf.running_max(decay=0.0), grads), grads)


def test_running_max_decay_may_be_one_but_not_more():
    with pytest.raises(ValueError, match=r"`decay` must lie in \[0, 1\], got 1\.5\."):
        tf.running_max(decay=1.5)


def test_the_sum_of_a_scalar_never_shares_memory_with_its_start():
    # A compiled step that donates the state would delete the argument.
    start = jnp.float32(0.1)
    state = tf.running_sum(initial_value=start).init(jnp.float32(0.0))
    assert state.sum.unsafe_buffer_pointer() != start.unsafe_buffer_pointer()
