"""What every optimizer owes to its caller's trees: structure, shapes, dtypes, one compilation."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import NAMES, descended, make, needs_params, parameters, problem, squared

EVERY = pytest.mark.parametrize("name", NAMES)
# Optax lists these rules as without meaning for complex numbers too.
NOT_COMPLEX = {"adadelta", "adan", "lars", "lion"}


def types(tree):
    """Return the shapes, dtypes and weak types of a tree."""
    return jax.tree.map(jax.typeof, tree)


@EVERY
def test_keeps_every_dtype_and_its_state_is_a_fixed_point(name):
    with jax.enable_x64(True):
        dtypes = [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]
        dtypes += [] if name in NOT_COMPLEX else [jnp.complex64]
        params = {str(jnp.dtype(dtype)): parameters(dtype) for dtype in dtypes}
        tx = make(name)
        state = tx.init(params)
        updates, after = jax.eval_shape(tx.update, params, state, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(updates, params)
        assert types(jax.eval_shape(lambda: state)) == types(after)


@EVERY
def test_compiles_once_agrees_with_no_compilation_and_may_be_given_its_own_memory(name):
    tx = make(name)
    chex.clear_trace_counter()

    def step(grads, state, params):
        updates, state = tx.update(grads, state, params)
        return updates, state, optax.apply_updates(params, updates)

    compiled = jax.jit(chex.assert_max_traces(step, n=1), donate_argnums=(1, 2))
    grads = parameters()
    eager_state, eager_params = tx.init(grads), parameters()
    state, params = tx.init(grads), parameters()
    before = types(state)
    for _ in range(3):
        given = params
        eager_updates, eager_state, eager_params = step(grads, eager_state, eager_params)
        updates, state, params = compiled(grads, state, params)
        assert given["w"].is_deleted()
        assert types(state) == types(eager_state) == before
        # rtol: compiled, products and sums are contracted, and differences nearly cancel.
        chex.assert_trees_all_close(updates, eager_updates, rtol=1e-4, atol=1e-7)
    # The parameters and the states that were given away held nothing that anyone still needs.
    chex.assert_trees_all_equal(tx.init(grads), tx.init(parameters()))


@EVERY
def test_a_quadratic_goes_down(name):
    assert squared(descended(name)) < squared(problem())


@EVERY
def test_needs_only_shapes_to_start(name):
    abstract = jax.eval_shape(parameters)
    chex.assert_trees_all_equal_shapes_and_dtypes(
        jax.eval_shape(make(name).init, abstract), make(name).init(parameters())
    )
    # Not under a trace either: the leaves are structs with a shape and a dtype.
    assert types(make(name).init(abstract)) == types(make(name).init(parameters()))


@EVERY
def test_its_state_can_be_searched_for_parameters(name):
    tx = make(name)
    state = tx.init(parameters())
    chex.assert_trees_all_equal(optax.tree.map_params(tx, lambda leaf: leaf, state), state)


@EVERY
@pytest.mark.parametrize("tree", [(), {}, [None, {}], optax.MaskedNode()], ids=repr)
def test_a_tree_of_nothing_stays_nothing(name, tree):
    tx = make(name)
    updates, state = tx.update(tree, tx.init(tree), tree)
    assert updates == tree
    assert types(state) == types(tx.init(tree))


@EVERY
def test_python_numbers_are_parameters_too(name):
    tx = make(name)
    state = tx.init({"x": 2.0})
    updates, after = tx.update({"x": 0.5}, state, {"x": 2.0})
    array = {"x": jnp.float32(2.0)}
    desired, _ = tx.update({"x": jnp.float32(0.5)}, tx.init(array), array)
    chex.assert_trees_all_close(updates, desired, rtol=1e-6)
    assert types(after) == types(state)


@EVERY
def test_a_missing_gradient_makes_no_update(name):
    tx, params = make(name), {"frozen": jnp.ones(2), "w": jnp.ones(2)}
    updates, state = tx.update({"frozen": None, "w": params["w"]}, tx.init(params), params)
    assert updates["frozen"] is None
    assert types(state) == types(tx.init(params))
    assert np.all(updates["w"] != 0)


@EVERY
def test_extra_arguments_of_others_are_ignored(name):
    tx, params = make(name), parameters()
    plain, _ = tx.update(params, tx.init(params), params)
    extra, _ = tx.update(params, tx.init(params), params, value=1.0, unknown="x")
    chex.assert_trees_all_equal(plain, extra)


@EVERY
def test_missing_parameters_are_an_error_where_they_are_needed_and_nowhere_else(name):
    tx, params = make(name), parameters()
    if not needs_params(name):
        chex.assert_trees_all_equal(
            tx.update(params, tx.init(params)), tx.update(params, tx.init(params), params)
        )
        return
    with pytest.raises(ValueError, match="`params` must be given to `update`"):
        tx.update(params, tx.init(params))


@EVERY
def test_a_gradient_of_the_wrong_shape_is_refused_by_name(name):
    tx, params = make(name), parameters()
    wrong = params | {"w": jnp.ones((1, 2))}
    with pytest.raises(ValueError, match=r"`updates\['w'\]` must have the shape of its parameter"):
        tx.update(wrong, tx.init(params), params)


@EVERY
def test_is_printed_as_the_call_that_makes_it(name):
    assert repr(make(name)).startswith(f"{name}(learning_rate=")
    # What holds the two functions only is printed too, if with less to say.
    assert repr(jax.tree.map(lambda part: part, make(name))) == "transformation()"
