"""What every transformation owes, whatever its formula: run over ``transforms.__all__``.

What it owes to Optax is in ``tests/contract``, for optimizers and transformations alike.
"""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from enrolment import assert_entries
from hypothesis import given, settings
from hypothesis import strategies as st
from running import ARGUMENTS, OTHERS, functions, make, run, scan, stream

from ae_optax import transforms

# No unit of `w` is parallel to a constant gradient: what is left of one would be rounding.
W = np.linspace(-0.5, 0.75, 6).reshape(3, 2)
PARAMS = {"w": W, "none": None, "nothing": np.zeros((0, 3)), "s": np.array(2.0)}
EVERY = pytest.mark.parametrize("name", ARGUMENTS)


def positive(seed=0):
    """Return a stream that roots can take too."""
    return jax.tree.map(lambda p: np.abs(stream(*p.shape, seed=seed)) + 0.1, PARAMS)


def cast(tree, dtype):
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), tree)


def test_every_public_transformation_is_tested():
    assert_entries(
        ARGUMENTS,
        set(functions(transforms)) - OTHERS,
        at="tests/running.py: ARGUMENTS",
        entry="what it is made with, or in OTHERS its name if it is tested elsewhere",
    )


@pytest.mark.slow
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
    "average_tail",
    "brake_growth",
    "compensate_updates",
    "floor_norm",
    "hyperball",
    "lookahead",
    "proximal_l1",
    "remove_parallel",
    "retract_to_ball",
    "retract_to_length",
    "retract_to_radial_length",
    "retract_to_sphere",
    "scale_by_local_rate",
    "scale_by_parameter_rms",
    "scale_by_trust_ratio",
    "schedule_free",
    "stochastic_round_updates",
]


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
@settings(deadline=None, max_examples=10)
def test_trees_of_any_shape_keep_it(tree):
    tx = everything()

    def two_steps(tree):
        state = tx.init(tree)
        out, after = tx.update(tree, state, tree)
        return out, state, after

    out, before, after = jax.eval_shape(two_steps, tree)
    chex.assert_trees_all_equal_shapes_and_dtypes(out, tree)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, before)
