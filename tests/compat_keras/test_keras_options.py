"""What every optimizer of `ae_optax.compat.keras` owes, and what the common options do."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from keras_made import COMMON, OPTIMIZERS, make, run

from ae_optax import evaluation_params
from ae_optax.compat import keras as compat

EVERY = pytest.mark.parametrize("name", OPTIMIZERS)
WITH_AND_WITHOUT = pytest.mark.parametrize("common", [False, True], ids=["alone", "with options"])


def parameters(dtype=jnp.float32):
    return {
        "embedding": jnp.linspace(0.5, 2.0, 6).reshape(3, 2).astype(dtype),
        "nested": [jnp.linspace(-1.0, 1.0, 4).astype(dtype), None],
        "kernel": jnp.linspace(-2.0, 2.0, 6).reshape(2, 3).astype(dtype),
        "scalar": jnp.asarray(-2.0, dtype),
        "empty": jnp.zeros((0, 3), dtype),
    }


def types(tree):
    return jax.tree.map(jax.typeof, tree)


def stream(*shape, steps=12, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, *shape))


@EVERY
@WITH_AND_WITHOUT
def test_keeps_every_dtype_and_its_state_is_a_fixed_point(name, common):
    with jax.enable_x64(True):
        dtypes = jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64
        params = {str(jnp.dtype(dtype)): parameters(dtype) for dtype in dtypes}
        tx = make(name, common=common)
        state = tx.init(params)
        updates, after = jax.eval_shape(tx.update, params, state, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(updates, params)
        assert types(jax.eval_shape(lambda: state)) == types(after)
        assert types(tx.init(jax.eval_shape(lambda: params))) == types(state)


@pytest.mark.slow
@EVERY
@WITH_AND_WITHOUT
def test_does_the_same_compiled_and_not_and_is_traced_once(name, common):
    tx, grads = make(name, common=common), parameters()
    chex.clear_trace_counter()
    compiled = jax.jit(chex.assert_max_traces(tx.update, n=1))
    state, eager_state = tx.init(grads), tx.init(grads)
    for _ in range(3):
        updates, state = compiled(grads, state, grads)
        eager, eager_state = tx.update(grads, eager_state, grads)
        # rtol: compiled, products and sums are contracted, and differences nearly cancel.
        chex.assert_trees_all_close(updates, eager, rtol=1e-4, atol=1e-6)


def extremes(params):
    """Return a stream of gradients: zero, ordinary, near the largest number and near none."""
    info = jnp.finfo(params.dtype)
    sizes = [0, 1, info.max / 2, 0, info.max / 2, info.smallest_subnormal, 0]
    return jnp.stack([jnp.full_like(params, size) for size in sizes])


@EVERY
@WITH_AND_WITHOUT
def test_no_gradient_makes_a_nan(name, common):
    with jax.enable_x64(True):
        dtypes = jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64
        params = {
            str(jnp.dtype(dtype)): [jnp.ones((3, 2), dtype), jnp.ones(2, dtype)] for dtype in dtypes
        }
        # The norm of all together is that of the widest: each dtype for itself.
        tx = make(name, common=common, **({"global_clipnorm": None} if common else {}))

        def step(state, g):
            updates, state = tx.update(g, state, params)
            return state, updates

        run_all = jax.jit(lambda state, grads: jax.lax.scan(step, state, grads))
        for path, leaf in jax.tree.leaves_with_path(
            run_all(tx.init(params), jax.tree.map(extremes, params))
        ):
            assert not np.any(np.isnan(leaf.astype(jnp.float64))), jax.tree_util.keystr(path)


@EVERY
def test_clipping_by_all_of_them_makes_no_nan(name):
    params = jnp.ones((3, 2), jnp.float16)
    tx = make(name, common=True)
    state = tx.init(params)
    for g in extremes(params):
        updates, state = jax.jit(tx.update)(g, state, params)
        assert not np.any(np.isnan(updates))


@EVERY
@WITH_AND_WITHOUT
def test_a_missing_gradient_makes_no_update(name, common):
    tx, params = make(name, common=common), {"a": jnp.ones((2, 2)), "b": jnp.ones((2, 2))}
    start = tx.init(params)
    for _ in range(2):
        updates, state = tx.update({"a": None, "b": jnp.ones((2, 2))}, start, params)
        assert updates["a"] is None
        assert types(state) == types(start)
        start = state
    assert np.all(updates["b"] != 0)


@EVERY
@WITH_AND_WITHOUT
@pytest.mark.parametrize("tree", [(), {}, [None, {}], optax.MaskedNode()], ids=repr)
def test_a_tree_of_nothing_stays_nothing(name, common, tree):
    tx = make(name, common=common)
    updates, state = tx.update(tree, tx.init(tree), tree)
    assert updates == tree
    assert types(state) == types(tx.init(tree))


@EVERY
@WITH_AND_WITHOUT
def test_its_state_can_be_searched_for_parameters(name, common):
    tx = make(name, common=common)
    state = tx.init(parameters())
    chex.assert_trees_all_equal(optax.tree.map_params(tx, lambda leaf: leaf, state), state)


@EVERY
def test_extra_arguments_of_others_are_ignored(name):
    tx, params = make(name, common=True), parameters()
    plain, _ = tx.update(params, tx.init(params), params)
    extra, _ = tx.update(params, tx.init(params), params, value=1.0, unknown="x")
    chex.assert_trees_all_equal(plain, extra)


@EVERY
@pytest.mark.parametrize("option", [{"weight_decay": 0.1}, {"use_ema": True}], ids=repr)
def test_missing_parameters_are_an_error_where_an_option_needs_them(name, option):
    tx, params = make(name, **option), parameters()
    with pytest.raises(ValueError, match="`params` must be given to `update`"):
        tx.update(params, tx.init(params))


@EVERY
def test_a_gradient_of_the_wrong_shape_is_refused_by_name(name):
    tx, params = make(name, common=True), parameters()
    with pytest.raises(ValueError, match=r"`updates\['kernel'\]` must have the shape"):
        tx.update(params | {"kernel": jnp.ones((1, 3))}, tx.init(params), params)


def test_is_printed_as_the_call_that_makes_it():
    assert repr(compat.sgd(0.5)).startswith("sgd(learning_rate=0.5, momentum=0.0, nesterov=False")


# The options, one by one.


@EVERY
@pytest.mark.parametrize("steps", [2, 5])
def test_accumulation_steps_with_the_mean_and_rests_in_between(name, steps):
    with jax.enable_x64(True):
        grads, params = stream(4, 3, steps=4 * steps), np.ones((4, 3))

        def rate(step):
            return 0.1 / (1.0 + jnp.asarray(step, float))

        def rate_at_the_last(step):
            return rate((step + 1) * steps - 1)

        common = {"weight_decay": 0.1, "clipnorm": 0.5}
        accumulating = make(name, learning_rate=rate, gradient_accumulation_steps=steps, **common)
        plain = make(name, learning_rate=rate_at_the_last, **common)
        means = grads.reshape(4, steps, 4, 3).mean(1)
        often, _ = run(accumulating, params, grads)
        seldom, _ = run(plain, params, means)
        # rtol: the order of the sums in a mean.
        np.testing.assert_allclose(often[steps - 1 :: steps], seldom, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(often[: steps - 1], 1)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_the_average_of_the_parameters_follows_the_formula(momentum):
    with jax.enable_x64(True):
        tx = make("adam", use_ema=True, ema_momentum=momentum)
        trajectory, state = run(tx, np.ones(3), stream(3))
        mean = trajectory[0]
        for params in trajectory[1:]:
            mean = momentum * mean + (1 - momentum) * params
        np.testing.assert_allclose(evaluation_params(state, params), mean, rtol=1e-14)


def test_averaging_without_overwriting_leaves_the_steps_alone():
    plain, _ = run(make("adam"), jnp.ones(3), stream(3).astype(np.float32))
    averaging, _ = run(make("adam", use_ema=True), jnp.ones(3), stream(3).astype(np.float32))
    np.testing.assert_array_equal(plain, averaging)


def test_overwriting_puts_the_parameters_on_their_average():
    with jax.enable_x64(True):
        tx = make("sgd", use_ema=True, ema_overwrite_frequency=4)
        trajectory, state = run(tx, np.ones(3), stream(3))
        found = evaluation_params(state, trajectory[-1])
        np.testing.assert_allclose(trajectory[-1], found, rtol=1e-14)
        never, state = run(make("sgd", use_ema=True), np.ones(3), stream(3))
        assert np.all(np.abs(never[-1] - evaluation_params(state, never[-1])) > 1e-3)


def test_the_average_of_low_precision_is_kept_in_float32():
    tx = make("sgd", use_ema=True)
    assert tx.init(jnp.ones(3, jnp.bfloat16)).average.dtype == jnp.float32


def test_before_the_first_step_the_parameters_are_their_average():
    params = jnp.ones(2)
    state = make("sgd", use_ema=True).init(params)
    np.testing.assert_array_equal(evaluation_params(state, params), params)


@EVERY
def test_a_scaled_loss_makes_the_same_steps(name):
    grads = stream(4, 3).astype(np.float32)
    params = jnp.ones((4, 3))
    plain, _ = run(make(name, clipvalue=0.5), params, grads)
    scaled, _ = run(make(name, clipvalue=0.5, loss_scale_factor=1024.0), params, 1024 * grads)
    np.testing.assert_array_equal(plain, scaled)  # By a power of two, so exactly.


@EVERY
def test_the_name_is_without_meaning(name):
    grads = stream(4, 3).astype(np.float32)
    named, _ = run(make(name, name="mine"), jnp.ones((4, 3)), grads)
    np.testing.assert_array_equal(named, run(make(name), jnp.ones((4, 3)), grads)[0])


def test_a_velocity_holds_steps_taken_at_the_rates_of_their_time():
    def rate(step):
        return jnp.where(step == 0, 1.0, 0.0)

    # The rate is zero after the first step, but the velocity goes on.
    trajectory, _ = run(compat.sgd(rate, 0.5), jnp.zeros(()), jnp.ones(3))
    np.testing.assert_allclose(trajectory, [-1.0, -1.5, -1.75])


def test_muon_steps_as_adam_where_a_path_is_excluded():
    params = parameters() | {"empty": jnp.zeros((0,))}
    options = {"learning_rate": 0.1, "weight_decay": 0.2, "adam_weight_decay": 0.2}
    muon = compat.muon(**options, exclude_layers=["^ker"])
    adam = compat.adamw(0.1, 0.2)
    updates, _ = muon.update(params, muon.init(params), params)
    desired, _ = adam.update(params, adam.init(params), params)
    chex.assert_trees_all_close(updates, desired, rtol=1e-6)
    muon = compat.muon(**options, exclude_embeddings=False)
    updates, _ = muon.update(params, muon.init(params), params)
    for leaf in ("embedding", "kernel"):
        assert np.all(np.abs(updates[leaf] - desired[leaf]) > 1e-3)


def test_ftrl_makes_small_parameters_exactly_zero():
    tx = compat.ftrl(0.1, l1_regularization_strength=50.0)
    trajectory, _ = run(tx, jnp.ones(3), stream(3).astype(np.float32))
    assert np.all(trajectory[-1] == 0)


def test_ftrl_stays_where_it_knows_nothing():
    tx, params = compat.ftrl(initial_accumulator_value=0.0), jnp.ones(2)
    updates, _ = tx.update(jnp.zeros(2), tx.init(params), params)
    np.testing.assert_array_equal(updates, 0)


def test_the_common_options_together_still_go_down():
    grads_of = jax.grad(lambda p: jnp.sum(p**2))
    tx, params = make("adam", common=True, learning_rate=0.1, ema_momentum=0.5), jnp.ones(3)
    state = tx.init(params)
    step = jax.jit(tx.update)
    for _ in range(60):
        scaled = COMMON["loss_scale_factor"] * grads_of(params)
        updates, state = step(scaled, state, params)
        params = params + updates
    assert np.all(np.abs(params) < 0.5)
