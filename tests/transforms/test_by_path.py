"""Parameters by where they stand: masks, groups, and what is wrong with a pattern."""

import re
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import ae_optax
from ae_optax import transforms as tf
from ae_optax._trees import path_of
from ae_optax.transforms._paths import matcher


class Pair(NamedTuple):
    left: object
    value: object


PARAMS = {
    "encoder": [
        {"kernel": jnp.full((2, 3), 1.0), "bias": jnp.full(3, 2.0)},
        {"kernel": jnp.full((3, 2), 3.0), "bias": jnp.full(2, 4.0)},
    ],
    "decoder": Pair({"kernel": jnp.full((2, 2), 5.0)}, jnp.full(2, 6.0)),
}
GROUPS = {
    "encoder/0/**": tf.freeze(),
    "**/bias": tf.chain(ae_optax.momentum(0.1), tf.scale(0.1)),
    "**": ae_optax.adamw(0.1, weight_decay=0.1),
}


def test_a_path_names_keys_indices_and_attributes():
    paths = [path_of(keys) for keys, _ in jax.tree.leaves_with_path(PARAMS)]
    assert paths == [
        "decoder/left/kernel",
        "decoder",  # The attribute `value`, in which Flax's variables hold theirs.
        "encoder/0/bias",
        "encoder/0/kernel",
        "encoder/1/bias",
        "encoder/1/kernel",
    ]


def test_variables_of_flax_have_the_path_of_the_variable():
    model = nnx.Sequential(nnx.Linear(2, 3, rngs=nnx.Rngs(0)), nnx.Linear(3, 2, rngs=nnx.Rngs(0)))
    optimizer = nnx.Optimizer(
        model, tf.by_path({"layers/0/kernel": tf.freeze(), "**": ae_optax.sgd(1.0)}), wrt=nnx.Param
    )
    before = [np.asarray(layer.kernel[...]) for layer in model.layers]
    optimizer.update(model, jax.tree.map(jnp.ones_like, nnx.state(model, nnx.Param)))
    after = [np.asarray(layer.kernel[...]) for layer in model.layers]
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1] - 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("**", ["", "a", "a/b/c"], []),
        ("a", ["a"], ["", "a/b", "b/a", "ab"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c", "ab/c"]),
        ("**/b", ["b", "a/b", "a/c/b"], ["ab", "b/c", "a/xb"]),
        ("a/**/b", ["a/b", "a/c/b", "a/c/d/b"], ["ab", "a/cb", "b", "xa/b"]),
        ("*/b", ["a/b"], ["b", "a/c/b"]),
        ("a*/?", ["a/b", "abc/d"], ["a/bc", "a/b/c", "b/c"]),
        ("a.b/[0]", ["a.b/[0]"], ["axb/0", "a.b/0"]),
        ("**/x/**", ["x/a", "b/x/a/c"], ["x", "a/x", "xx/a"]),
    ],
)
def test_patterns_match_names_not_characters(pattern, matched, others):
    match = matcher(pattern)
    assert all(match(path) for path in matched)
    assert not any(match(path) for path in others)


def test_a_path_mask_is_a_tree_of_booleans():
    mask = tf.path_mask("encoder/**/kernel", "decoder")(PARAMS)
    layer = {"kernel": True, "bias": False}
    assert mask == {"encoder": [layer, layer], "decoder": Pair({"kernel": False}, True)}


def test_a_path_mask_says_what_decays():
    optimizer = ae_optax.adamw(1.0, weight_decay=0.5, weight_decay_mask=tf.path_mask("**/kernel"))
    grads = jax.tree.map(jnp.zeros_like, PARAMS)
    grads["encoder"][0]["bias"] = None
    updates, _ = optimizer.update(grads, optimizer.init(PARAMS), PARAMS)
    layer = updates["encoder"][1]
    np.testing.assert_allclose(layer["kernel"], -1.5)
    np.testing.assert_array_equal(layer["bias"], 0)
    assert updates["encoder"][0]["bias"] is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf.path_mask(), ValueError, "`patterns` must name at least one pattern, got none"),
        (lambda: tf.path_mask("a//b"), ValueError, "a name between slashes, got 'a//b'"),
        (lambda: tf.path_mask(""), ValueError, "a name between slashes, got ''"),
        (lambda: tf.path_mask(3), TypeError, "`pattern` must be text, got 3"),
        (lambda: tf.by_path({}), ValueError, "`groups` must have at least one pattern, got none"),
        (lambda: tf.by_path([("**", tf.sign())]), TypeError, "`groups` must be a mapping"),
        (lambda: tf.by_path({3: tf.sign()}), TypeError, "`pattern` must be text, got 3"),
        (lambda: tf.by_path({"/a": tf.sign()}), ValueError, "a name between slashes, got '/a'"),
        (
            lambda: tf.by_path({"**": tf.sign}),
            TypeError,
            re.escape("`groups['**']` must be a gradient transformation, got"),
        ),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said_when_it_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


def run(tx, params, steps=3):
    state, outs = tx.init(params), []
    for _ in range(steps):
        updates, state = jax.jit(tx.update)(params, state, params)
        outs.append(updates)
    return outs, state


def test_the_first_pattern_that_matches_has_the_parameter():
    updates, _ = run(tf.by_path(GROUPS), PARAMS)
    bias, _ = run(ae_optax.momentum(0.01), PARAMS)
    rest, _ = run(ae_optax.adamw(0.1, weight_decay=0.1), PARAMS)
    for u, b, r in zip(updates, bias, rest, strict=True):
        chex.assert_trees_all_equal(
            u["encoder"][0], jax.tree.map(jnp.zeros_like, PARAMS["encoder"][0])
        )
        # rtol: a tenth after the rate, not in it.
        chex.assert_trees_all_close(u["encoder"][1]["bias"], b["encoder"][1]["bias"], rtol=1e-6)
        chex.assert_trees_all_close(u["encoder"][1]["kernel"], r["encoder"][1]["kernel"], rtol=1e-6)
        chex.assert_trees_all_close(u["decoder"], r["decoder"], rtol=1e-6)


def test_every_group_keeps_state_for_its_own_parameters_only():
    params = jax.tree.map(lambda p: p, PARAMS)
    state = tf.by_path(GROUPS).init(params)
    frozen, bias, rest = ([leaf.size for leaf in jax.tree.leaves(s)] for s in state.groups)
    assert sum(frozen) == 0
    # The velocity of the one bias left, a count and a rate.
    assert sorted(bias) == [1, 1, 2]
    # Two moments of the kernels and of `decoder`, and the counts.
    assert sum(size for size in rest if size > 1) == 2 * (6 + 4 + 2)


def test_it_equals_the_partition_of_optax():
    labels = {
        "encoder": [{"kernel": "f", "bias": "f"}, {"kernel": "r", "bias": "b"}],
        "decoder": Pair({"kernel": "r"}, "r"),
    }
    desired = optax.partition(dict(zip("fbr", GROUPS.values(), strict=True)), labels)
    chex.assert_trees_all_close(
        run(tf.by_path(GROUPS), PARAMS)[0], run(desired, PARAMS)[0], rtol=1e-6
    )


def test_a_norm_is_taken_over_a_group():
    grads = {"a": jnp.full(4, 3.0), "b": jnp.full(4, 1e6)}
    tx = tf.by_path({"a": tf.clip_by_global_norm(1.0), "**": tf.identity()})
    out, _ = tx.update(grads, tx.init(grads))
    np.testing.assert_allclose(out["a"], 0.5)


def test_parameters_without_a_pattern_are_listed():
    tx = tf.by_path({"encoder/**/bias": tf.sign(), "decoder": tf.sign()})
    message = (
        "`groups` must match every parameter, got no pattern for 'decoder/left/kernel', "
        "'encoder/0/kernel', 'encoder/1/kernel'. Patterns: 'encoder/**/bias', 'decoder'."
    )
    for params in (PARAMS, jax.eval_shape(lambda: PARAMS)):
        with pytest.raises(tf.PathError, match=re.escape(message)):
            tx.init(params)
    with pytest.raises(ValueError, match="`groups` must match every parameter"):
        jax.eval_shape(tx.init, PARAMS)


def test_patterns_without_a_parameter_of_their_own_are_listed():
    tx = tf.by_path(
        {"**/bias": tf.sign(), "**": tf.sign(), "encoder/0/bias": tf.sign(), "x": tf.sign()}
    )
    message = (
        "`groups` must have no pattern without a parameter of its own, got 'encoder/0/bias', 'x'. "
        "Parameters: 'decoder/left/kernel',"
    )
    with pytest.raises(tf.PathError, match=re.escape(message)):
        tx.init(PARAMS)


def test_groups_nest_and_live_inside_masks_and_missing_gradients_stay_missing():
    inner = tf.by_path({"**/bias": tf.scale(2.0), "**": tf.scale(3.0)})
    outer = tf.by_path({"encoder/**": inner, "**": tf.freeze()})
    grads = jax.tree.map(jnp.ones_like, PARAMS)
    grads["encoder"][0]["kernel"] = None
    out, _ = outer.update(grads, outer.init(PARAMS), PARAMS)
    assert out["encoder"][0]["kernel"] is None
    np.testing.assert_array_equal(out["encoder"][0]["bias"], 2)
    np.testing.assert_array_equal(out["encoder"][1]["kernel"], 3)
    np.testing.assert_array_equal(out["decoder"].value, 0)
    masked = optax.masked(inner, tf.path_mask("encoder/**"))
    out, _ = masked.update(grads | {"encoder": PARAMS["encoder"]}, masked.init(PARAMS))
    np.testing.assert_array_equal(out["encoder"][1]["kernel"], 9)
    np.testing.assert_array_equal(out["decoder"].value, 1)


def test_its_state_can_be_searched_for_parameters():
    tx = tf.by_path(GROUPS)
    state = run(tx, PARAMS)[1]
    doubled = optax.tree.map_params(tx, lambda leaf: 2 * leaf, state)
    before, after = (s.groups[1][0][0].trace["encoder"][1]["bias"] for s in (state, doubled))
    np.testing.assert_array_equal(after, 2 * before)
    assert [s.groups[1][0][1].count for s in (state, doubled)] == [3, 3]


def test_extra_arguments_reach_the_groups():
    def update(updates, state, params=None, *, value):
        return jax.tree.map(lambda u: value * u, updates), state

    by_value = optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
    tx = tf.by_path({"decoder": tf.freeze(), "**": by_value})
    out, _ = tx.update(PARAMS, tx.init(PARAMS), value=2.0)
    np.testing.assert_array_equal(out["encoder"][0]["bias"], 4)
