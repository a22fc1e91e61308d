"""Units that are revived: their optimizer starts over, that of the others goes on."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax as ao
from ae_optax.transforms import ResetUnitsState

PARAMS = {
    "encoder": {"kernel": jnp.ones((3, 5)), "bias": jnp.zeros(5)},
    "decoder": {"kernel": jnp.ones((5, 3)), "bias": jnp.zeros(3)},
}
REVIVED = jnp.asarray([False, True, False, False, True])


def gradients(seed, params=PARAMS):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape), p.dtype), params)


def make(inner=ao.adam):
    return ao.by_path(
        {
            "decoder/kernel": ao.reset_units(inner(1e-2), axis=0),
            "encoder/*": ao.reset_units(inner(1e-2), axis=-1),
            "**": inner(1e-2),
        }
    )


def steps(tx, seeds, params=PARAMS, state=None, **extra):
    state = tx.init(params) if state is None else state
    update = jax.jit(tx.update)
    for seed in seeds:
        updates, state = update(gradients(seed, params), state, params, **extra)
    return updates, state


@pytest.mark.parametrize("inner", [ao.adam, ao.rmsprop_centered])
def test_without_a_reset_it_is_the_optimizer_itself(inner):
    updates, _ = steps(make(inner), range(3))
    plain, _ = steps(inner(1e-2), range(3))
    chex.assert_trees_all_close(updates, plain, rtol=1e-6)


@pytest.mark.parametrize("inner", [ao.adam, ao.radam])
def test_a_revived_unit_does_what_it_would_do_at_the_start_and_the_others_go_on(inner):
    _, state = steps(make(inner), range(4))
    updates, after = steps(make(inner), [9], state=state, reset=REVIVED)
    fresh, _ = steps(inner(1e-2), [9])
    old, _ = steps(inner(1e-2), [0, 1, 2, 3, 9])
    for path, axis in ((("decoder", "kernel"), 0), (("encoder", "kernel"), 1)):
        out, new, going = (tree[path[0]][path[1]] for tree in (updates, fresh, old))
        mask = jnp.expand_dims(REVIVED, 1 - axis)
        np.testing.assert_allclose(out, jnp.where(mask, new, going), rtol=1e-5, atol=1e-8)
    bias = jnp.where(REVIVED, fresh["encoder"]["bias"], old["encoder"]["bias"])
    np.testing.assert_allclose(updates["encoder"]["bias"], bias, rtol=1e-5, atol=1e-8)
    chex.assert_trees_all_close(updates["decoder"]["bias"], old["decoder"]["bias"], rtol=1e-5)
    assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, state)


def test_moments_have_the_shape_of_their_parameters_and_every_unit_has_a_count():
    for axis in (0, -1, 1):
        params = PARAMS["encoder"]["kernel"]
        state = ao.reset_units(ao.adam(1e-2), axis=axis).init(params)
        assert isinstance(state, ResetUnitsState)
        above = ao.read(state, "numerator")
        assert above[0].mean.shape == params.shape
        assert above[1].count.shape == (params.shape[axis],)


def test_initial_values_other_than_zero_come_back():
    params = {"w": jnp.ones((4, 2))}
    tx = ao.reset_units(
        ao.chain(ao.square(), ao.running_sum(initial_value=0.25), ao.average_params(0.5)), axis=0
    )
    mask = jnp.asarray([True, False, False, False])
    _, state = steps(tx, range(2), params)
    _, state = tx.update({"w": jnp.zeros((4, 2))}, state, {"w": 7 * params["w"]}, reset=mask)
    (total,) = jax.tree.leaves(state.inner[1])
    np.testing.assert_array_equal(total[0], 0.25)
    assert np.all(total[1:] > 0.25)
    # The average of the parameters starts again: it holds the one place reached since.
    averaged = ao.read(state, "inner[2].mean")["w"]
    np.testing.assert_allclose(averaged[0], 7 + 0.25)
    assert not np.any(np.isclose(averaged[1:], 7 + total[1:]))


def test_works_compiled_in_a_scan_without_compiling_again():
    tx = make()
    masks = jnp.stack([jnp.zeros(5, bool), REVIVED, jnp.zeros(5, bool), ~REVIVED])
    grads = jax.tree.map(lambda *g: jnp.stack(g), *map(gradients, range(4)))

    @jax.jit
    @chex.assert_max_traces(n=1)
    def run(params, state, grads, masks):
        def step(carry, now):
            params, state = carry
            g, mask = now
            updates, state = tx.update(g, state, params, reset=mask)
            return (optax.apply_updates(params, updates), state), updates

        return jax.lax.scan(step, (params, state), (grads, masks))

    _, updates = run(PARAMS, tx.init(PARAMS), grads, masks)
    run(PARAMS, tx.init(PARAMS), grads, ~masks)
    params, state = PARAMS, tx.init(PARAMS)
    for i in range(4):
        out, state = tx.update(gradients(i), state, params, reset=masks[i])
        params = optax.apply_updates(params, out)
        now = jax.tree.map(lambda u, i=i: u[i], updates)
        chex.assert_trees_all_close(out, now, rtol=1e-5, atol=1e-8)


def test_a_tree_of_masks_gives_each_layer_its_own():
    one, other = jnp.arange(5) == 1, jnp.arange(5) == 2
    _, state = steps(make(), range(3))
    out, _ = steps(make(), [3], state=state, reset={"encoder": one, "decoder": other})
    encoder, _ = steps(make(), [3], state=state, reset=one)
    decoder, _ = steps(make(), [3], state=state, reset=other)
    chex.assert_trees_all_equal(out["encoder"], encoder["encoder"])
    chex.assert_trees_all_equal(out["decoder"], decoder["decoder"])
    # Down to the leaves; a unit starts over if one of its parameters is marked.
    full = {"encoder": {"kernel": None, "bias": one}, "decoder": {"kernel": other, "bias": None}}
    chex.assert_trees_all_equal(steps(make(), [3], state=state, reset=full)[0], out)
    nothing = {"encoder": None, "decoder": None}
    plain, _ = steps(make(), [3], state=state)
    chex.assert_trees_all_equal(steps(make(), [3], state=state, reset=nothing)[0], plain)


def test_other_arguments_flow_through_to_what_needs_them():
    tx = ao.reset_units(
        ao.chain(ao.adam(1e-2), ao.reduce_on_plateau(factor=0.5, patience=2)), axis=0
    )
    params = PARAMS["decoder"]["kernel"]
    updates, _ = tx.update(params, tx.init(params), params, value=jnp.float32(1.0), reset=REVIVED)
    chex.assert_shape(updates, params.shape)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_keeps_dtypes_and_its_state_is_a_fixed_point(dtype):
    params = jax.tree.map(lambda p: p.astype(dtype), PARAMS)
    tx = make(ao.adam)
    state = tx.init(params)
    out, after = jax.eval_shape(lambda: tx.update(params, state, params, reset=REVIVED))
    chex.assert_trees_all_equal_shapes_and_dtypes(out, params)
    assert jax.tree.map(jax.typeof, after) == jax.tree.map(
        jax.typeof, jax.eval_shape(lambda: state)
    )


def test_needs_only_shapes_to_start_and_starts_without_leaves():
    tx, kernel = ao.reset_units(ao.adam(1e-2), axis=0), PARAMS["decoder"]["kernel"]
    abstract = jax.eval_shape(lambda: kernel)
    chex.assert_trees_all_equal_shapes_and_dtypes(tx.init(abstract), tx.init(kernel))
    chex.assert_trees_all_equal(
        optax.tree.map_params(tx, lambda x: x, tx.init(kernel)), tx.init(kernel)
    )
    for nothing in ((), {}, optax.MaskedNode()):
        out, _ = tx.update(nothing, tx.init(nothing), nothing, reset=REVIVED)
        assert out == nothing
    empty = jnp.zeros((0, 3))
    out, _ = tx.update(empty, tx.init(empty), empty)
    assert out.shape == (0, 3)


def test_a_missing_gradient_passes_through():
    tx, params = ao.reset_units(ao.adam(1e-2), axis=-1), PARAMS["encoder"]
    state = tx.init(params)
    out, after = tx.update({"kernel": params["kernel"], "bias": None}, state, params, reset=REVIVED)
    assert out["bias"] is None
    assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, state)


def test_is_described_like_others():
    assert "reset_units(axis=-1)" in ao.describe(ao.reset_units(ao.adam(1e-2), axis=-1))
    chain = ao.chain(ao.reset_units(ao.adam(1e-2), axis=0), ao.retract_to_sphere(axis=0))
    assert ao.lint(chain) == []


KERNEL = PARAMS["decoder"]["kernel"]


@pytest.mark.parametrize(
    ("reset", "error", "message"),
    [
        (jnp.ones(5), TypeError, "`reset` must be boolean, got float32."),
        (jnp.ones(3, bool), ValueError, "one boolean for each of the 5 units, got (3,)."),
        (True, ValueError, "`reset` must have one boolean for each of the 5 units, got ()."),
        ({"w": REVIVED}, ValueError, "`reset` must be one mask, or a tree of masks"),
    ],
)
def test_a_mask_that_does_not_fit_is_an_error(reset, error, message):
    tx = ao.reset_units(ao.adam(1e-2), axis=0)
    with pytest.raises(error) as caught:
        tx.update(KERNEL, tx.init(KERNEL), KERNEL, reset=reset)
    assert message in str(caught.value)


def test_every_raise():
    tx = ao.reset_units(ao.adam(1e-2), axis=0)
    with pytest.raises(TypeError, match="`inner` must be a gradient transformation"):
        ao.reset_units(ao.adam, axis=0)
    with pytest.raises(TypeError, match="`axis` must be an integer"):
        ao.reset_units(ao.identity(), axis=None)
    with pytest.raises(ValueError, match="`params` must be given to `update`"):
        tx.update(KERNEL, tx.init(KERNEL))
    with pytest.raises(ValueError, match=r"`axis` must be an axis of every leaf, got 0 for \(\)"):
        tx.init(jnp.ones(()))
    with pytest.raises(ValueError, match=r"5 in `params\['a'\]` and 3 in `params\['b'\]` along"):
        tx.init({"a": jnp.ones((5, 3)), "b": jnp.ones(3)})
    with pytest.raises(ValueError, match="`updates` must have the shape of its parameter"):
        tx.update(KERNEL[:, :1], tx.init(KERNEL), KERNEL)
