"""What every transformation owes, whatever its formula: run over ``transforms.__all__``."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import ARGUMENTS, OTHERS, functions, make, run, scan, stream

from ae_optax import transforms

PARAMS = {"w": np.full((3, 2), 0.5), "none": None, "nothing": np.zeros((0, 3)), "s": np.array(2.0)}
EVERY = pytest.mark.parametrize("name", ARGUMENTS)


def positive(seed=0):
    """Return a stream that roots can take too."""
    return jax.tree.map(lambda p: np.abs(stream(*p.shape, seed=seed)) + 0.1, PARAMS)


def cast(tree, dtype):
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), tree)


def test_every_public_transformation_is_tested():
    assert set(ARGUMENTS) | OTHERS == set(functions(transforms))


@EVERY
def test_traced_arguments_give_what_plain_numbers_give(name):
    with jax.enable_x64(True):

        @jax.jit
        def traced(arguments, grads):
            factory = getattr(transforms, name)
            return scan(factory(**ARGUMENTS[name] | arguments), grads, PARAMS)

        plain = ARGUMENTS[name]
        numbers = {key: jnp.float64(v) for key, v in plain.items() if isinstance(v, float)}
        out = traced(numbers, positive())
        # rtol: the logarithm of a decay is taken by another program.
        chex.assert_trees_all_close(out, run(make(name), positive(), PARAMS), rtol=1e-10)


@EVERY
def test_keeps_structure_shapes_and_dtypes_and_its_state_is_a_fixed_point(name):
    with jax.enable_x64(True):
        leaves = {
            str(jnp.dtype(dtype)): cast(PARAMS, dtype)
            for dtype in (jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64)
        }
        grads, transformation = jax.tree.map(jnp.ones_like, leaves), make(name)
        state = transformation.init(leaves)
        out, after = jax.eval_shape(transformation.update, grads, state, leaves)
        chex.assert_trees_all_equal_shapes_and_dtypes(out, grads)
        start = jax.eval_shape(lambda: state)
        assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, start)  # Weak types too.


@EVERY
def test_does_the_same_compiled_and_not(name):
    params = {"w": jnp.full((3, 2), 0.5), "s": jnp.asarray(0.5, jnp.bfloat16)}
    tx, grads = make(name), jax.tree.map(jnp.ones_like, params)
    state = tx.init(params)
    eager, compiled = tx.update(grads, state, params), jax.jit(tx.update)(grads, state, params)
    assert jax.tree.map(jax.typeof, eager) == jax.tree.map(jax.typeof, compiled)
    # rtol: compiled, products and sums are contracted.
    chex.assert_trees_all_close(eager, compiled, rtol=1e-6)


@EVERY
def test_needs_only_shapes_to_start_and_starts_without_leaves(name):
    params = cast(PARAMS, jnp.float32)
    abstract = jax.eval_shape(lambda: params)
    state = make(name).init(params)
    # Of concrete structs, and of a tree that has no leaves, as `tree_map_params` uses.
    chex.assert_trees_all_equal_shapes_and_dtypes(make(name).init(abstract), state)
    same = optax.tree.map_params(make(name), lambda x: x, state)
    chex.assert_trees_all_equal(same, state)


@EVERY
def test_ignores_arguments_of_others_and_takes_params_by_position_or_name(name):
    params = cast(PARAMS, jnp.float32)
    tx, grads = make(name), jax.tree.map(jnp.ones_like, params)
    state = tx.init(params)
    by_position, _ = tx.update(grads, state, params, value=1.0, unknown="x")
    by_name, _ = tx.update(updates=grads, state=state, params=params)
    chex.assert_trees_all_equal(by_position, by_name)


@EVERY
@pytest.mark.parametrize("tree", [(), {}, None, [None, {}], optax.MaskedNode()], ids=repr)
def test_a_tree_of_nothing_stays_nothing(name, tree):
    tx = make(name)
    params = {} if tree is None else tree  # `params=None` says that there are none.
    out, state = tx.update(tree, tx.init(tree), params)
    assert out == tree
    assert jax.tree.structure(state) == jax.tree.structure(tx.init(tree))


@EVERY
def test_python_numbers_are_leaves_like_others(name):
    tx, params = make(name), {"x": 2.0}
    out, state = tx.update({"x": 0.5}, tx.init(params), params)
    arrays = cast(params, jnp.float32)
    desired, _ = tx.update(cast({"x": 0.5}, jnp.float32), tx.init(arrays), arrays)
    chex.assert_trees_all_close(out, desired, rtol=1e-6)
    assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, tx.init(params))


@EVERY
def test_a_missing_gradient_passes_through_and_leaves_the_state_of_its_leaf(name):
    tx, params = make(name), {"a": jnp.ones(2), "b": jnp.ones(2)}
    start = tx.init(params)
    _, state = tx.update(params, start, params)
    out, after = tx.update({"a": jnp.ones(2), "b": None}, state, params)
    assert out["b"] is None
    assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, start)
    for field, before in zip(after, state, strict=True):
        if isinstance(field, dict):
            chex.assert_trees_all_equal(field["b"], before["b"])


NEED_PARAMS = [
    "adaptive_clip",
    "add_cautious_decay",
    "add_decayed_weights",
    "add_independent_decay",
    "average_params",
    "compensate_updates",
    "lookahead",
    "proximal_l1",
    "scale_by_local_rate",
    "scale_by_parameter_rms",
    "scale_by_trust_ratio",
    "schedule_free",
    "stochastic_round_updates",
]


@EVERY
def test_a_gradient_of_another_shape_than_its_memory_is_refused_by_name(name):
    tx, params = make(name), {"ok": jnp.ones(2), "w": jnp.ones((3, 2))}
    state = tx.init(params)
    if name not in NEED_PARAMS and not any(isinstance(field, dict) for field in state):
        pytest.skip("It keeps nothing of that shape.")
    message = r"`updates\['w'\]` must have the shape of its parameter, \(3, 2\), got \(1, 2\)\."
    if name == "factored_average":  # It keeps the means of rows only.
        message = r"`updates\['w'\]` must have the shape"
    with pytest.raises(ValueError, match=message):
        tx.update({"ok": jnp.ones(2), "w": jnp.ones((1, 2))}, state, params)


@pytest.mark.parametrize("name", NEED_PARAMS)
def test_missing_parameters_are_an_error_where_they_are_needed(name):
    with pytest.raises(ValueError, match="`params` must be given to `update`"):
        make(name).update(jnp.ones(2), make(name).init(jnp.ones(2)))


@EVERY
def test_is_printed_as_the_call_that_makes_it(name):
    shown = repr(make(name))
    assert shown.startswith(f"{name}(")
    again = eval(shown, {"array": np.array, **vars(transforms)})
    assert repr(again) == shown


LEAVES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 3), max_size=3).map(lambda shape: np.ones(shape, np.float32)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    ),
    max_leaves=5,
)


@functools.cache
def everything():
    """Return a chain of all transformations that keep the shape of a leaf."""
    return transforms.chain(*(make(name) for name in ARGUMENTS))


@given(tree=TREES.filter(lambda tree: tree is not None))
@settings(deadline=None, max_examples=25)
def test_trees_of_any_shape_keep_it(tree):
    tx = everything()

    def two_steps(tree):
        state = tx.init(tree)
        out, after = tx.update(tree, state, tree)
        return out, state, after

    out, before, after = jax.eval_shape(two_steps, tree)
    chex.assert_trees_all_equal_shapes_and_dtypes(out, tree)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, before)
