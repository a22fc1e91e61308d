"""Many small leaves as one vector: the numbers, the state, and what is refused."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax import transforms as tf

RULES = {
    "adamw": ae_optax.adamw(0.1, weight_decay=0.1),
    "lion": ae_optax.lion(0.1),
    "nadam_scheduled": ae_optax.nadam_scheduled(0.1),
    "radam": ae_optax.radam(optax.constant_schedule(0.1)),
    "rmsprop_centered": ae_optax.rmsprop_centered(0.1),
}
EVERY = pytest.mark.parametrize("rule", RULES)


def tree(seed=0):
    """Return leaves of every kind, more than are joined at once, and two that are large."""
    rng = np.random.default_rng(seed)
    shapes = [(3, 2), (), (5,), (0, 3), (2, 2), (1,)] * 2 + [(9, 9), (100,)]
    leaves = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]
    half = jnp.asarray(rng.normal(size=7), jnp.bfloat16)
    return {"layers": leaves, "none": None, "half": half, "masked": optax.MaskedNode()}


def train(optimizer, steps=4):
    """Return the parameters after some steps, and the state."""

    @jax.jit
    def step(params, state, grads):
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    params = tree()
    state = optimizer.init(params)
    for seed in range(1, steps + 1):
        params, state = step(params, state, tree(seed))
    return params, state


@EVERY
def test_gives_the_numbers_of_what_is_inside(rule):
    flat, _ = train(tf.flatten(RULES[rule], max_size=50))
    plain, _ = train(RULES[rule])
    # rtol: in loops of other lengths, other products and sums are contracted.
    tolerance = {"rtol": 1e-6, "atol": 1e-7}
    chex.assert_trees_all_close(flat["layers"], plain["layers"], **tolerance)
    chex.assert_trees_all_equal(flat["half"], plain["half"])
    chex.assert_trees_all_equal_structs(flat, plain)


@EVERY
def test_its_state_is_a_fixed_point(rule):
    optimizer = tf.flatten(RULES[rule], max_size=50)
    start = optimizer.init(tree())
    _, after = train(optimizer, steps=1)
    assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, start)
    abstract = optimizer.init(jax.eval_shape(tree))
    chex.assert_trees_all_equal_shapes_and_dtypes(abstract, start)


def test_maps_over_its_vectors_as_over_parameters():
    optimizer = tf.flatten(ae_optax.adam(0.1), max_size=50)
    state = optimizer.init(tree())
    marked = optax.tree_map_params(
        optimizer, lambda _: "vector", state, transform_non_params=lambda _: "other"
    )
    vectors, large = marked.inner[0].numerator[0].mean
    assert vectors == large == ["vector", "vector"]
    assert marked.inner[1].count == "other"


def test_a_tree_without_leaves_stays_one():
    optimizer = tf.flatten(ae_optax.adam(0.1))
    empty = {"none": None, "masked": optax.MaskedNode()}
    updates, _ = optimizer.update(empty, optimizer.init(empty), empty)
    assert updates == empty


def test_small_leaves_share_one_vector_for_each_dtype():
    state = tf.flatten(tf.average(0.9), max_size=50).init(tree())
    vectors, large = state.inner.mean
    assert [vector.shape for vector in vectors] == [(7,), (34,)]
    assert [leaf.shape for leaf in large] == [(9, 9), (100,)]


def test_compiles_fewer_loops_than_leaves_times_arrays():
    leaves = {str(i): jnp.ones(8) for i in range(32)}

    def kernels(optimizer):
        state = optimizer.init(leaves)
        text = jax.jit(optimizer.update).lower(leaves, state).compile().as_text()
        return text.count(" fusion(")

    assert kernels(tf.flatten(ae_optax.adam(0.1))) < 0.6 * kernels(ae_optax.adam(0.1))


def test_a_sweep_is_the_loop():
    def after(rate):
        optimizer = tf.flatten(ae_optax.adam(rate), max_size=50)
        return optimizer.update(tree(1), optimizer.init(tree()))[0]

    swept = jax.jit(jax.vmap(after))(jnp.asarray([0.1, 0.2]))
    for position, rate in enumerate([0.1, 0.2]):
        one = jax.tree.map(lambda leaf, i=position: leaf[i], swept)
        chex.assert_trees_all_close(one, jax.jit(after)(rate), rtol=1e-6)


@pytest.mark.parametrize("nothing", [(), {}, [None, {}], optax.MaskedNode()], ids=repr)
def test_a_tree_of_nothing_stays_nothing(nothing):
    optimizer = tf.flatten(ae_optax.adam(0.1))
    updates, _ = optimizer.update(nothing, optimizer.init(nothing), nothing)
    assert updates == nothing


def test_passes_on_arguments_of_others():
    seen = {}

    def update(updates, state, params=None, **extra):
        seen.update(extra)
        return updates, state

    inner = optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
    optimizer = tf.flatten(inner)
    params = {"w": jnp.ones(2)}
    optimizer.update(params, optimizer.init(params), params, value=1.0)
    assert seen == {"value": 1.0}


LOOK_AT_LEAVES = {
    "adaptive_clip": tf.adaptive_clip(0.1, eps=1e-3),
    "centralize": tf.centralize(),
    "clip_by_global_norm": tf.clip_by_global_norm(1.0),
    "clip_by_norm": tf.clip_by_norm(1.0),
    "clip_by_rms": tf.clip_by_rms(1.0),
    "lamb": ae_optax.lamb(0.1),
    "lars": ae_optax.lars(0.1),
    "scale_by_parameter_rms": tf.scale_by_parameter_rms(minimum=1e-3),
    "skip_non_finite": tf.skip_non_finite(ae_optax.sgd(0.1)),
    "newton_schulz": tf.newton_schulz((0.5, -0.01, 1e-4)),
    "sort": optax.stateless(lambda updates, _: jax.tree.map(jnp.sort, updates)),
}


@pytest.mark.parametrize("name", LOOK_AT_LEAVES)
def test_what_looks_at_whole_leaves_is_refused(name):
    optimizer, params = tf.flatten(LOOK_AT_LEAVES[name]), {"w": jnp.ones((3, 2))}
    with pytest.raises(ValueError, match=r"`inner` must be elementwise, got one that takes"):
        optimizer.update(params, optimizer.init(params), params)


def test_what_goes_by_the_shape_is_refused():
    def matrices(params):
        return jax.tree.map(lambda p: p.ndim > 1, params)

    optimizer = tf.flatten(ae_optax.adamw(0.1, weight_decay_mask=matrices))
    params = {"w": jnp.ones((3, 2)), "b": jnp.ones(2)}
    with pytest.raises(ValueError, match="`inner` must treat all leaves alike, got"):
        optimizer.update(params, optimizer.init(params), params)


@pytest.mark.parametrize(
    "updates",
    [{"a": jnp.ones(2), "b": None}, {"a": jnp.ones(2), "b": jnp.ones(3)}, {"a": jnp.ones(4)}],
    ids=["missing", "shape", "leaves"],
)
def test_updates_with_other_leaves_are_refused(updates):
    optimizer, params = tf.flatten(ae_optax.adam(0.1)), {"a": jnp.ones(2), "b": jnp.ones(4)}
    with pytest.raises(ValueError, match="`updates` must have one leaf for each parameter"):
        optimizer.update(updates, optimizer.init(params))


def test_what_is_no_transformation_or_size_is_refused():
    with pytest.raises(TypeError, match="`inner` must be a gradient transformation"):
        tf.flatten(ae_optax.adam)
    with pytest.raises(TypeError, match=r"`max_size` must be an integer, got 1\.5"):
        tf.flatten(ae_optax.adam(0.1), max_size=1.5)
    with pytest.raises(ValueError, match="`max_size` must be at least 1, got 0"):
        tf.flatten(ae_optax.adam(0.1), max_size=0)
