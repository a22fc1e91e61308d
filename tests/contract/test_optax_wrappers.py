"""Every transformation inside Optax's combinators."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import NAMES, one_of_each_kind, parameters, problem
from subjects import SUBJECTS, leaves, make, one_of_each_first, types

EVERY = pytest.mark.parametrize("name", SUBJECTS)


@pytest.mark.parametrize("name", one_of_each_first())
def test_combinators_of_optax_take_it_and_keep_types(name):
    tx, params = make(name), {"float32": leaves(name), "bfloat16": leaves(name, jnp.bfloat16)}
    mask = jax.tree.map_with_path(lambda path, _: path[-1] == jax.tree_util.DictKey("w"), params)
    labels = jax.tree.map(lambda chosen: "moves" if chosen else "stays", mask)
    wrapped = {
        "accumulated": optax.MultiSteps(tx, every_k_schedule=4).gradient_transformation(),
        "finite": optax.apply_if_finite(tx, max_consecutive_errors=2),
        "masked": optax.masked(tx, mask),
        "partition": optax.partition({"moves": tx, "stays": optax.set_to_zero()}, labels),
    }

    def run(params, state):
        found = {
            key: wrapper.update(params, state[key], params) for key, wrapper in wrapped.items()
        }
        return [{key: pair[i] for key, pair in found.items()} for i in range(2)]

    with jax.numpy_dtype_promotion("standard"):  # MultiSteps divides by a count.
        state = {key: wrapper.init(params) for key, wrapper in wrapped.items()}
        updates, after = jax.eval_shape(run, params, state)
    assert types(after) == types(jax.eval_shape(lambda: state))
    for each in updates.values():
        chex.assert_trees_all_equal_shapes_and_dtypes(each, params)


@pytest.mark.slow
@EVERY
def test_the_first_of_several_accumulated_gradients_moves_nothing(name):
    tx = optax.MultiSteps(make(name), every_k_schedule=4)
    params = jax.tree.map(jnp.abs, leaves(name))  # A root of less would be no number.
    with jax.numpy_dtype_promotion("standard"):
        updates, state = jax.jit(tx.update)(params, tx.init(params), params)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(updates))
    chex.assert_trees_all_equal(state.inner_opt_state, make(name).init(params))


@pytest.mark.parametrize("name", one_of_each_kind())
def test_wrappers_of_optax_leave_the_optimizer_what_it_is(name):
    params = problem()
    # Leaf by leaf, so that no norm over all leaves can tell the difference.
    mask = {"w": True, "b": False}
    labels = {"w": "moves", "b": "stays"}
    wrapped = {
        "plain": make(name),
        "masked": optax.masked(make(name), mask),
        "partition": optax.partition({"moves": make(name), "stays": optax.set_to_zero()}, labels),
        "accumulated": optax.MultiSteps(
            optax.chain(optax.identity(), make(name), optax.scale(2.0)), every_k_schedule=3
        ).gradient_transformation(),
    }

    @jax.jit
    def run(params):
        def steps(tx):
            def step(state, _):
                updates, state = tx.update(params, state, params)
                return state, updates

            return jax.lax.scan(step, tx.init(params), length=6)[1]

        return {key: steps(tx) for key, tx in wrapped.items()}

    with jax.numpy_dtype_promotion("standard"):  # MultiSteps divides by a count.
        updates = run(params)
    plain = updates["plain"]
    # rtol: the same formula in another program.
    kwargs = {"rtol": 1e-5, "atol": 1e-7}
    stays = jnp.broadcast_to(params["b"], (6, 4))
    chex.assert_trees_all_close(updates["masked"], plain | {"b": stays}, **kwargs)
    chex.assert_trees_all_close(updates["partition"], plain | {"b": 0 * stays}, **kwargs)
    # Three equal gradients have the mean of one: exact zeros, twice, and then a step.
    for leaf, u in plain.items():
        accumulated = updates["accumulated"][leaf]
        np.testing.assert_array_equal(np.delete(accumulated, [2, 5], axis=0), 0)
        np.testing.assert_allclose(accumulated[2::3], 2 * u[:2], **kwargs)


@pytest.mark.parametrize("name", NAMES)
def test_its_state_has_one_rate_to_find_by_name(name):
    state = make(name, learning_rate=0.25).init(parameters())
    assert optax.tree.get(state, "last_rate") == 0.25
