"""What every transformation owes to its caller's trees: structure, shapes, dtypes, memory."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import descended, problem, squared
from subjects import FACTORING, MATRICES_ONLY, SUBJECTS, leaves, make, one_of_each_first, types

from ae_optax import evaluation_params, optimizers, transforms

EVERY = pytest.mark.parametrize("name", SUBJECTS)


def program(function, *args):
    """Return what ``function`` computes, as text: equal ones compute the same numbers."""
    return str(jax.make_jaxpr(function)(*args))


# These compare numbers or round them, and complex ones have no order; or they take real roots.
NOT_COMPLEX = {
    *FACTORING,
    "compat.keras.ftrl",
    "compat.keras.muon",
    "compat.torch.muon",
    "transforms.at_least",
    "transforms.clip",
    "transforms.proximal_l1",
    "transforms.scale_by_sparsity",
}


@EVERY
def test_keeps_every_dtype_and_its_state_is_a_fixed_point(name):
    with jax.enable_x64(True):
        dtypes = [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]
        dtypes += [] if name in NOT_COMPLEX else [jnp.complex64]
        params = {str(jnp.dtype(dtype)): leaves(name, dtype) for dtype in dtypes}
        tx = make(name)
        state = tx.init(params)
        updates, after = jax.eval_shape(tx.update, params, state, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(updates, params)
        assert types(jax.eval_shape(lambda: state)) == types(after)


@pytest.mark.parametrize("kind", [jnp.int32, jax.dtypes.float0])
@pytest.mark.parametrize(
    "tx",
    [
        transforms.accumulate(transforms.identity(), every=2),
        transforms.average_params(),
        transforms.clip_by_global_norm(1.0),
        transforms.compensate_updates(),
        transforms.flatten(optimizers.adam(0.1)),
        transforms.running_sum(initial_value=0.5),
        transforms.scale(2.0),
        transforms.skip_outliers(transforms.identity()),
        transforms.stochastic_round_updates(0),
    ],
)
def test_a_gradient_of_whole_numbers_or_of_none_is_refused_by_its_name(tx, kind):
    params = {"w": jnp.ones(2)}
    with pytest.raises(TypeError, match=r"`updates\['w'\]` must be of floating or complex"):
        tx.update({"w": np.zeros(2, kind)}, tx.init(params), params)


@EVERY
def test_needs_only_shapes_to_start(name):
    tx, params = make(name), leaves(name)
    abstract, state = jax.eval_shape(lambda: params), tx.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(jax.eval_shape(tx.init, abstract), state)
    # Not under a trace either: the leaves are structs with a shape and a dtype.
    assert types(tx.init(abstract)) == types(state)


@EVERY
def test_its_state_can_be_searched_for_parameters(name):
    # `init` is called with a tree that has no leaves.
    tx = make(name)
    state = tx.init(leaves(name))
    chex.assert_trees_all_equal(optax.tree.map_params(tx, lambda leaf: leaf, state), state)


@EVERY
@pytest.mark.parametrize("tree", [(), {}, [None, {}], optax.MaskedNode()], ids=repr)
def test_a_tree_of_nothing_stays_nothing(name, tree):
    tx = make(name)
    updates, state = tx.update(tree, tx.init(tree), tree)
    assert updates == tree
    assert types(state) == types(tx.init(tree))


# An optimizer takes them if its pieces do.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in optimizers.__all__ else [])
        for name in SUBJECTS
        if name not in MATRICES_ONLY
    ],
)
def test_python_numbers_are_parameters_too(name):
    tx = make(name)
    state = tx.init({"x": 2.0})
    updates, after = tx.update({"x": 0.5}, state, {"x": 2.0})
    array = {"x": jnp.float32(2.0)}
    desired, _ = tx.update({"x": jnp.float32(0.5)}, tx.init(array), array)
    chex.assert_trees_all_close(updates, desired, rtol=1e-6)
    assert types(after) == types(state)


# What a transformation owes besides is in tests/transforms.
@pytest.mark.parametrize("name", [name for name in SUBJECTS if not name.startswith("transforms.")])
def test_a_missing_gradient_makes_no_update(name):
    tx, params = make(name), {"frozen": jnp.ones((2, 2)), "w": jnp.ones((2, 2))}
    updates, state = tx.update({"frozen": None, "w": params["w"]}, tx.init(params), params)
    assert updates["frozen"] is None
    assert updates["w"].shape == (2, 2)
    assert types(state) == types(tx.init(params))
    evaluated = evaluation_params(state, params)["frozen"]
    np.testing.assert_array_equal(evaluated, params["frozen"])


@EVERY
def test_a_masked_leaf_stays_masked(name):
    tx, own = make(name), {"b": jnp.ones((2, 2)), "w": jnp.full((3, 2), 2.0)}
    params = own | {"masked": optax.MaskedNode(), "nested": [optax.MaskedNode(), None]}
    state = tx.init(params)
    updates, after = jax.eval_shape(tx.update, params, state, params)
    assert updates["masked"] == optax.MaskedNode()
    assert updates["nested"] == [optax.MaskedNode(), None]
    assert types(after) == types(jax.eval_shape(lambda: state))
    alone = program(tx.update, own, tx.init(own), own)
    assert program(tx.update, params, state, params) == alone


@EVERY
def test_extra_arguments_of_others_are_ignored_and_params_may_be_named(name):
    tx, params = make(name), leaves(name)
    state = tx.init(params)

    def named(grads, state, params):
        return tx.update(updates=grads, state=state, params=params, unknown="x")

    assert program(named, params, state, params) == program(tx.update, params, state, params)


@EVERY
def test_missing_parameters_are_an_error_where_they_are_needed_and_nowhere_else(name):
    tx, params = make(name), leaves(name)

    def without(grads, state, params):
        del params
        return tx.update(grads, state)

    arguments = params, tx.init(params), params
    try:
        found = program(without, *arguments)
    except ValueError as error:
        assert "`params` must be given to `update`" in str(error)  # noqa: PT017
        # Others than optimizers may need them for an option or a part of theirs.
        ending = "." if name in optimizers.__all__ else ""
        assert f"needs ``params``{ending}" in SUBJECTS[name].documentation
    else:
        assert "needs ``params``." not in SUBJECTS[name].documentation
        if found != program(tx.update, *arguments):  # A branch may hand them on, unused.
            chex.assert_trees_all_equal(without(*arguments), tx.update(*arguments))


@EVERY
def test_a_gradient_of_the_wrong_shape_is_refused_by_name_and_never_broadcast(name):
    tx, params = make(name), {"ok": jnp.ones((2, 2)), "w": jnp.ones((3, 2))}
    state = tx.init(params)
    try:
        updates, _ = tx.update(params | {"w": jnp.ones((1, 2))}, state, params)
    except ValueError as error:
        assert str(error).startswith("`updates['w']` must have the shape")  # noqa: PT017
    else:
        assert updates["w"].shape == (1, 2)
        kept = [leaf.shape for leaf in jax.tree.leaves(state)]
        assert (3, 2) not in kept, "it has broadcast a gradient to what it keeps"
        assert "needs ``params``." not in SUBJECTS[name].documentation


@EVERY
def test_its_state_shares_no_memory_so_that_all_may_be_donated(name):
    params = leaves(name)
    state = make(name).init(params)
    arrays = [x for x in jax.tree.leaves((params, state)) if x.size]
    assert len({x.unsafe_buffer_pointer() for x in arrays}) == len(arrays)


@pytest.mark.parametrize("name", one_of_each_first())
def test_compiles_once_agrees_with_no_compilation_and_may_be_given_its_own_memory(name):
    tx, grads = make(name), leaves(name)
    chex.clear_trace_counter()

    def step(grads, state, params):
        updates, state = tx.update(grads, state, params)
        return updates, state, optax.apply_updates(params, updates)

    compiled = jax.jit(chex.assert_max_traces(step, n=1), donate_argnums=(1, 2))
    eager_state, eager_params = tx.init(grads), leaves(name)
    state, params = tx.init(grads), leaves(name)
    before = types(state)
    for _ in range(3):
        given = params
        eager_updates, eager_state, eager_params = step(grads, eager_state, eager_params)
        updates, state, params = compiled(grads, state, params)
        assert given["w"].is_deleted()
        assert types(state) == types(eager_state) == before
        # rtol: compiled, products and sums are contracted, and differences nearly cancel.
        chex.assert_trees_all_close(updates, eager_updates, rtol=1e-4, atol=1e-6)
    # The parameters and the states that were given away held nothing that anyone still needs.
    chex.assert_trees_all_equal(tx.init(grads), tx.init(leaves(name)))


@pytest.mark.parametrize("name", optimizers.__all__)
def test_a_quadratic_goes_down(name):
    assert squared(descended(name)) < squared(problem())


@pytest.mark.parametrize("name", optimizers.__all__)
def test_is_printed_as_the_call_that_makes_it(name):
    assert repr(make(name)).startswith(f"{name}(learning_rate=")
    # What holds the two functions only is printed too, if with less to say.
    assert repr(jax.tree.map(lambda part: part, make(name))) == "transformation()"


@pytest.mark.parametrize("name", optimizers.__all__)
def test_a_turn_of_complex_numbers_turns_the_path(name):
    parts = np.random.default_rng(0).normal(size=(2, 3, 3, 2)).astype(np.float32)
    start, *grads = jnp.asarray(parts[0] + 1j * parts[1], jnp.complex64)
    tx = make(name)

    @jax.jit
    def path(turn):
        params = turn * start
        state = tx.init(params)
        for grad in grads:
            updates, state = tx.update(turn * grad, state, params)
            params = optax.apply_updates(params, updates)
        return params / turn

    if name in FACTORING:
        with pytest.raises(TypeError, match="must be of real floating numbers, got complex64"):
            path(jnp.complex64(1))
    else:
        turn = jnp.asarray(np.exp(0.7j), jnp.complex64)
        np.testing.assert_allclose(path(turn), path(jnp.complex64(1)), rtol=1e-5, atol=1e-6)
