"""Defects of Optax 0.2.8, one by one: none of them is here."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import NAMES, make

import ae_optax
from ae_optax import schedules
from ae_optax import transforms as tf


def descended(optimizer, start, grad, steps):
    """Return parameters and state after some steps along ``grad(params)``."""

    @jax.jit
    def run(start):
        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(grad(params), state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[0]

    return run(start)


def test_adadelta_as_it_comes_goes_down():
    # `optax.adadelta()` has no rate, and then no sign: x grows from 1 to thousands.
    params, _ = descended(ae_optax.adadelta(), jnp.ones(1), lambda x: x, 2000)
    assert abs(params[0]) < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_zero_gradients_in_float16_make_no_nan(name):
    # An epsilon of 1e-8 is zero in float16.
    params = jnp.asarray([1.0, -2.0], jnp.float16)
    reached, state = descended(make(name), params, jnp.zeros_like, 3)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((reached, state)))


@pytest.mark.parametrize("b2", [0.99, 0.999])
def test_the_second_moment_of_bfloat16_gets_where_it_should(b2):
    # Optax's stops at 0.836 and 0.5.
    start = jnp.ones(1, jnp.bfloat16)
    _, state = descended(ae_optax.adam(0.0, b2=b2), start, jnp.ones_like, 4000)
    moment = state[0].denominator[1].mean
    np.testing.assert_allclose(moment, 1 - b2**4000, rtol=1e-3)


def test_injected_hyperparameters_work_with_bfloat16():
    # Left to itself `inject_hyperparams` rounds the numbers to the dtype of the parameters, before
    # any factory sees them: b2 = 0.999 becomes 1, and the result NaN. A dtype must be given.
    inject = optax.inject_hyperparams(ae_optax.adam, hyperparam_dtype=jnp.float32)
    injected = inject(learning_rate=0.1)
    start = jnp.ones(2, jnp.bfloat16)
    reached, _ = descended(injected, start, jnp.ones_like, 5)
    desired, _ = descended(ae_optax.adam(0.1), start, jnp.ones_like, 5)
    np.testing.assert_array_equal(np.float32(reached), np.float32(desired))


@pytest.mark.parametrize(
    "last", [tf.stochastic_round_updates(0), tf.compensate_updates()], ids=repr
)
def test_bfloat16_parameters_move_by_updates_below_their_spacing(last):
    start, steps = jnp.ones(100, jnp.bfloat16), 900
    stuck, _ = descended(ae_optax.sgd(1e-3), start, jnp.ones_like, steps)
    np.testing.assert_array_equal(np.float32(stuck), 1)
    moved, _ = descended(tf.chain(ae_optax.sgd(1e-3), last), start, jnp.ones_like, steps)
    # What is left of 1 after steps of the bfloat16 number next to 1e-3.
    exact = 1 - steps * float(jnp.bfloat16(1e-3))
    assert abs(np.mean(np.float64(moved)) - exact) < 0.004


def test_a_chain_of_nothing_is_the_identity():
    chain = ae_optax.chain()
    updates, state = chain.update({"w": jnp.ones(2)}, chain.init({"w": jnp.ones(2)}))
    np.testing.assert_array_equal(updates["w"], 1)
    assert state == ()


def test_schedule_free_asks_its_schedule_for_step_zero_first_and_only_once_a_step():
    asked = []

    def schedule(step):
        asked.append(int(step))
        return 0.1

    optimizer = tf.schedule_free(tf.identity(), schedule)
    params = jnp.ones(1)
    state = optimizer.init(params)
    asked.clear()
    for _ in range(3):
        _, state = optimizer.update(params, state, params)
    assert asked == [0, 1, 2]


def test_schedule_free_starts_from_abstract_parameters_and_shares_no_memory_with_them():
    optimizer, params = tf.schedule_free(tf.identity(), 0.1), jnp.ones(3)
    chex.assert_trees_all_equal_shapes_and_dtypes(
        optimizer.init(jax.ShapeDtypeStruct((3,), jnp.float32)), optimizer.init(params)
    )
    state = optimizer.init(params)
    step = jax.jit(optimizer.update, donate_argnums=(1,))
    _, state = step(params, state, params)
    assert not params.is_deleted()


def test_adafactor_can_be_injected_under_jit():
    optimizer = optax.inject_hyperparams(ae_optax.adafactor)(learning_rate=0.1)
    params = {"w": jnp.ones((3, 2))}
    state = jax.jit(optimizer.init)(params)
    updates, _ = jax.jit(optimizer.update)(params, state, params)
    chex.assert_tree_all_finite(updates)


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="`learning_rate` must be at least 0"):
        ae_optax.adam(-1.0)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\), got 1.5"):
        ae_optax.adam(1e-3, b1=1.5)


def test_a_gradient_of_another_shape_is_not_broadcast():
    optimizer, params = ae_optax.adam(0.1), {"w": jnp.ones((3, 2))}
    with pytest.raises(ValueError, match=r"`updates\['w'\]` must have the shape of its parameter"):
        optimizer.update({"w": jnp.ones((1, 2))}, optimizer.init(params), params)


def test_the_state_of_another_chain_is_refused_in_words():
    # A chain's state is positional, as in Optax: a part more is another optimizer.
    params = jnp.ones(2)
    state = ae_optax.chain(ae_optax.adam(0.1)).init(params)
    longer = ae_optax.chain(ae_optax.clip(1.0), ae_optax.adam(0.1))
    message = r"one entry for each of the 2 chained .*, got 1: .* Chained are clip, adam; the state"
    with pytest.raises(ValueError, match=message):
        longer.update(params, state, params)


def test_a_part_with_a_name_is_missed_by_it():
    params = jnp.ones(2)
    state = optax.named_chain(("adam", ae_optax.adam(0.1))).init(params)
    longer = optax.named_chain(("clip", ae_optax.clip(1.0)), ("adam", ae_optax.adam(0.1)))
    with pytest.raises(KeyError, match="clip"):
        longer.update(params, state, params)


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_prints_what_made_it(name):
    shown = repr(make(name))
    assert "0x" not in shown
    assert "learning_rate=" in shown


def test_joined_schedules_have_finite_slopes_where_another_branch_is_singular():
    # At its own step 0 the slope of each is infinite; `jnp.where` alone makes that a NaN.
    def falling(step):
        return 1 / jnp.sqrt(jnp.asarray(step, jnp.float32))

    def rising(step):
        return jnp.sqrt(jnp.asarray(step, jnp.float32))

    slope = jax.grad(schedules.join([rising, falling], boundaries=[20]))
    np.testing.assert_allclose(
        [slope(4.0), slope(16.0), slope(24.0), slope(36.0)],
        [1 / 4, 1 / 8, -1 / 16, -1 / 128],
        rtol=1e-5,
    )
    halves = schedules.join(
        [
            schedules.polynomial_decay(1.0, end_value=0.0, power=0.5, duration=10),
            schedules.constant(0.5),
        ],
        boundaries=[10],
    )
    assert all(np.isfinite(jax.grad(halves)(step)) for step in (0.0, 9.5, 10.0, 15.0))


def test_lookahead_takes_plain_parameters():
    # `optax.lookahead` wants pairs, and what it is given must be made of them.
    params = {"w": jnp.ones(2)}
    optimizer = tf.lookahead(ae_optax.sgd(0.1), every=2)
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    chex.assert_trees_all_equal_structs(updates, params)


def test_a_step_that_is_not_finite_is_not_taken_however_many_there_were():
    # `optax.apply_if_finite` takes it after `max_consecutive_errors`.
    optimizer = tf.skip_non_finite(ae_optax.sgd(0.1))
    reached, state = descended(optimizer, jnp.ones(2), lambda x: jnp.nan * x, 20)
    np.testing.assert_array_equal(reached, 1)
    assert state.skipped == 20


def test_an_average_of_bfloat16_parameters_gets_where_it_should():
    optimizer = tf.chain(ae_optax.sgd(0.0), tf.average_params(0.999))
    params = jnp.full(1, 3.0, jnp.bfloat16)
    _, state = descended(optimizer, params, jnp.ones_like, 3000)
    np.testing.assert_allclose(state[1].mean, 3.0, rtol=1e-5)


def test_centralize_counts_units_along_the_axis_that_flax_has_for_them():
    # `optax.centralize` takes the mean over the outputs of an (inputs, outputs) kernel.
    kernel = {"w": jnp.asarray([[1.0, 10.0], [3.0, 30.0]])}
    out, _ = tf.centralize().update(kernel, optax.EmptyState())
    np.testing.assert_array_equal(out["w"], [[-1, -10], [1, 10]])
