"""``with_telemetry``: numbers of every step, equal to those counted by hand."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from layered import with_layers

import ae_optax
from ae_optax import observe, read, with_telemetry

PARAMS = {"w": jnp.asarray([3.0, 4.0]), "b": jnp.asarray([0.0, 0.0, 12.0]), "none": None}
# Its norm is 13, of which `clip(3)` leaves 5: only `b` is clipped.
GRADS = {"w": jnp.asarray([3.0, 0.0]), "b": jnp.asarray([0.0, -4.0, 12.0]), "none": None}
CLIPPED = {"w": [3.0, 0.0], "b": [0.0, -3.0, 3.0]}


def chain():
    return ae_optax.chain(ae_optax.clip(3.0), ae_optax.scale(2.0), ae_optax.sgd(0.5))


def one_step(tx, grads=None, params=PARAMS, state=None, **extra):
    state = tx.init(PARAMS) if state is None else state
    return tx.update(GRADS if grads is None else grads, state, params, **extra)[1]


def test_records_what_is_counted_by_hand():
    state = one_step(with_telemetry(chain()))
    after_clip = np.sqrt(3 * 9)
    assert read(state, "learning_rate_in_force") == 0.5
    np.testing.assert_allclose(read(state, "gradient_norm"), 13.0, rtol=1e-6)
    np.testing.assert_allclose(read(state, "update_norm"), after_clip, rtol=1e-6)
    np.testing.assert_allclose(read(state, "update_ratio"), after_clip / 13, rtol=1e-6)
    stages = {"clip": (13, after_clip), "scale": (after_clip, 2 * after_clip)}
    stages["sgd"] = (2 * after_clip, after_clip)
    assert list(read(state, "stages")) == list(stages)
    for name, (before, after) in stages.items():
        np.testing.assert_allclose(read(state, f"{name}.norm_before"), before, rtol=1e-6)
        np.testing.assert_allclose(read(state, f"{name}.norm_after"), after, rtol=1e-6)
    # A coordinate without gradient has no rate.
    rates = {"mean": (1.0, (3 / 4 + 3 / 12) / 2), "min": (1.0, 3 / 12), "max": (1.0, 3 / 4)}
    for kind, (w, b) in rates.items():
        found = read(state, f"effective_rate_{kind}")
        np.testing.assert_allclose([found["w"], found["b"]], [w, b], rtol=1e-6)
        assert found["none"] is None
    np.testing.assert_allclose(read(state, "clipped_fraction"), 2 / 5, rtol=1e-6)
    assert read(state, "nonfinite_gradients") == read(state, "nonfinite_updates") == 0


def test_before_the_first_step_only_the_rate_is_known():
    state = with_telemetry(chain()).init(PARAMS)
    assert read(state, "learning_rate_in_force") == 0.5
    others = read(state, "telemetry")._replace(learning_rate_in_force=0)
    assert not any(jax.tree.leaves(others))


def test_counts_all_that_was_not_finite_so_far():
    tx, state = with_telemetry(ae_optax.clip(1.0)), None
    bad = GRADS | {"w": jnp.asarray([np.nan, np.inf]), "b": jnp.asarray([-np.inf, 0.0, np.nan])}
    for grads, n_gradients, n_updates in ((bad, 4, 2), (GRADS, 4, 2), (bad, 8, 4)):
        state = one_step(tx, grads, state=state)
        assert read(state, "nonfinite_gradients") == n_gradients
        assert read(state, "nonfinite_updates") == n_updates  # An infinity is clipped.
    np.testing.assert_allclose(read(state, "clipped_fraction"), 2 / 5, rtol=1e-6)
    most = np.int32(2**31 - 1)
    full = state._replace(telemetry=state.telemetry._replace(nonfinite_gradients=most - 3))
    assert read(one_step(tx, bad, state=full), "nonfinite_gradients") == most


# A product that is summed with another, or is somebody else's too, may be rounded by itself or not.
ROUNDED_OTHERWISE = {
    "adagrad_momentum",
    "muon",
    "nadam",
    "nadam_scheduled",
    "normuon",
    "rmsprop_momentum",
}


@pytest.mark.slow  # What is rounded is the compiler's choice: that of users, here.
@pytest.mark.parametrize("name", ae_optax.optimizers.__all__)
def test_updates_keep_every_bit_and_the_state_its_type(name):
    plain = getattr(ae_optax, name)(0.01)
    plain, measured = with_layers(plain), with_layers(with_telemetry(plain))
    rng = np.random.default_rng(0)
    grads = {"w": rng.normal(size=(5, 7, 3)), "b": 1e-3 * rng.normal(size=(5, 3))}
    grads = jax.tree.map(jnp.float32, grads)
    params = jax.tree.map(lambda g: g[0], grads)

    @functools.partial(jax.jit, static_argnums=0)
    def run(tx, params, grads):
        def step(carry, g):
            params, state = carry
            updates, state = tx.update(g, state, params)
            return (optax.apply_updates(params, updates), state), updates

        return jax.lax.scan(step, (params, tx.init(params)), grads)

    (_, state), updates = run(measured, params, grads)
    (_, inner), expected = run(plain, params, grads)
    if name in ROUNDED_OTHERWISE:
        # Where the terms of a sum nearly cancel, a millionth of the rate, or of a step of length 1.
        chex.assert_trees_all_close(updates, expected, rtol=1e-6, atol=1e-8)
        chex.assert_trees_all_close(state.inner_state, inner, rtol=1e-6, atol=1e-6)
    else:
        chex.assert_trees_all_equal(updates, expected)
        chex.assert_trees_all_equal(state.inner_state, inner)
    np.testing.assert_allclose(read(state, "learning_rate_in_force"), 0.01, rtol=1e-6)
    assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(read(state, "telemetry")))


def test_is_put_out_at_every_step_of_a_scan():
    tx = with_telemetry(ae_optax.adam(lambda step: 0.1 / (1 + step.astype(jnp.float32))))
    factors = jnp.asarray([1.0, 2.0, 3.0])

    def step(state, factor):
        _, state = tx.update(jax.tree.map(lambda g: factor * g, GRADS), state, PARAMS)
        return state, state.telemetry

    seen = jax.jit(lambda s: jax.lax.scan(step, s, factors))(tx.init(PARAMS))[1]
    np.testing.assert_allclose(seen.gradient_norm, 13 * factors, rtol=1e-6)
    np.testing.assert_allclose(seen.learning_rate_in_force, [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    assert list(seen.stages) == ["quotient", "scale_by_learning_rate"]
    chex.assert_shape(seen.effective_rate_mean["b"], (3,))


LAYER = {"kernel": jnp.asarray([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]), "bias": jnp.ones(2)}


def after(optimizer, count):
    """Return the state after so many steps on gradients that grow."""
    tx = with_layers(with_telemetry(optimizer))
    state, seen = tx.init(LAYER), []
    for i in range(count):
        _, state = tx.update(jax.tree.map(lambda g, i=i: g + i, LAYER), state, LAYER)
        seen.append(state)
    return seen


@pytest.mark.slow
def test_the_condition_of_factors_is_that_of_the_inverses_when_they_were_renewed():
    # Renewed at each of the first three steps, then at the fourth.
    seen = after(ae_optax.kfac(0.1, damping=0.3, refresh_every=3), 5)
    found = [read(state, "factor_condition") for state in seen]
    assert list(found[0]) == ["['kernel']"]
    for state, condition in zip(seen, found, strict=True):
        roots = [tree["kernel"][0] for tree in read(state, "roots")]
        expected = max(np.linalg.cond(np.float64(root)) for root in roots)
        np.testing.assert_allclose(condition["['kernel']"], expected, rtol=1e-4)
    *_, third, fourth, fifth = (condition["['kernel']"] for condition in found)
    assert third != fourth == fifth > 1


def test_the_condition_of_a_basis_is_that_of_its_statistic():
    grads = {"w": jnp.asarray([[2.0, 1.0], [1.0, 3.0]])}
    tx = with_telemetry(ae_optax.soap(0.1))
    _, state = jax.jit(tx.update)(grads, tx.init(grads), grads)
    expected = np.linalg.cond(grads["w"]) ** 2
    np.testing.assert_allclose(read(state, "factor_condition")["['w']"], expected, rtol=1e-5)
    # Three examples of four inputs, the one for the bias among them: a singular matrix.
    (state,) = after(ae_optax.kfac_eigen(0.1), 1)
    assert 1e5 < read(state, "factor_condition")["['kernel']"] <= 1 / np.finfo(np.float32).eps


def test_the_damping_is_that_in_force():
    for optimizer in (ae_optax.kfac(0.1, damping=0.25), ae_optax.tnt(0.1, damping=0.25)):
        assert read(after(optimizer, 1)[0], "damping") == 0.25
    assert read(after(ae_optax.adam(0.1), 1)[0], "telemetry").damping is None
    two = ae_optax.chain(ae_optax.kfac(0.1, damping=0.25), ae_optax.kfac(0.1, damping=0.5))
    assert read(after(two, 1)[0], "telemetry").damping is None

    def make(damping):
        return ae_optax.minimize_quadratic(ae_optax.identity(), damping=damping)

    adapted = with_telemetry(ae_optax.adapt_damping(make, initial_damping=1.0, every=1))
    state = adapted.init(LAYER)
    assert read(state, "telemetry").damping == 1
    _, state = adapted.update(
        LAYER,
        state,
        LAYER,
        value=0.0,
        curvature=lambda known: jnp.eye(len(known)),
        loss_at=lambda _: 1.0,  # No step may be as bold as one after which the loss rises.
    )
    np.testing.assert_allclose(read(state, "telemetry").damping, 1 / 0.95, rtol=1e-6)


def test_the_plateau_is_part_of_the_rate_in_force():
    tx = with_telemetry(
        ae_optax.chain(ae_optax.sgd(0.5), ae_optax.reduce_on_plateau(factor=0.5, patience=0))
    )
    state = one_step(tx, value=1.0)
    state = one_step(tx, state=observe(state, 1.0))
    assert read(state, "learning_rate_in_force") == 0.25
    assert read(state, "last_rate") == 0.5


def test_a_state_can_be_donated_that_no_compiled_step_has_made():
    tx = with_telemetry(
        ae_optax.chain(ae_optax.sgd(0.5), ae_optax.reduce_on_plateau(factor=0.5, patience=0))
    )
    jax.jit(lambda state: observe(state, 1.0), donate_argnums=0)(one_step(tx, value=1.0))


def test_several_rates_or_none_are_none():
    groups = optax.partition(
        {"a": ae_optax.sgd(1.0), "b": ae_optax.sgd(0.5)}, {"w": "a", "b": "b", "none": "a"}
    )
    for tx in (groups, optax.sgd(0.1)):
        assert one_step(with_telemetry(tx)).telemetry.learning_rate_in_force is None
    injected = optax.inject_hyperparams(ae_optax.sgd)(0.25)
    assert read(one_step(with_telemetry(injected)), "learning_rate_in_force") == 0.25


def test_stages_of_one_name_are_told_apart():
    tx = with_telemetry(ae_optax.chain(ae_optax.scale(2.0), ae_optax.scale(3.0), optax.scale(-1.0)))
    state = one_step(tx)
    assert list(read(state, "stages")) == ["scale", "scale_2", "optax.scale"]
    np.testing.assert_allclose(read(state, "scale_2.norm_after"), 6 * 13, rtol=1e-6)


def test_a_coordinate_that_two_stages_clip_counts_once():
    tx = ae_optax.chain(ae_optax.clip(3.0), optax.clip(2.0), ae_optax.clip_by_global_norm(1e6))
    state = one_step(with_telemetry(tx))
    np.testing.assert_allclose(read(state, "clipped_fraction"), 3 / 5, rtol=1e-6)
    assert read(one_step(with_telemetry(ae_optax.sgd(1.0))), "clipped_fraction") == 0


def test_without_parameters_there_is_no_ratio_to_them():
    state = one_step(with_telemetry(chain()), params=None)
    assert read(state, "update_ratio") == 0
    np.testing.assert_allclose(read(state, "update_norm"), np.sqrt(27), rtol=1e-6)


def test_a_leaf_without_gradient_keeps_its_numbers_and_one_of_zeros_has_none():
    tx = with_telemetry(ae_optax.sgd(0.5))
    first = one_step(tx)
    state = one_step(tx, GRADS | {"w": None, "b": jnp.zeros(3)}, state=first)
    assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, first)
    found = read(state, "effective_rate_mean")
    np.testing.assert_allclose(found["w"], 0.5, rtol=1e-6)
    assert found["b"] == 0
    assert read(state, "effective_rate_min")["b"] == np.inf


@pytest.mark.parametrize("tx", [ae_optax.adam(0.1), optax.sgd(0.1), ae_optax.average(0.9)])
@pytest.mark.parametrize("params", [None, PARAMS])
def test_what_there_is_none_of_is_no_nan(tx, params):
    zeros = GRADS | {"w": jnp.zeros(2)}
    with jax.debug_nans(True):
        tx = with_telemetry(tx)
        tx.update(zeros, jax.jit(tx.init)(PARAMS), params)


def test_dtypes_of_updates_stay_and_numbers_are_of_the_default_dtype():
    params = jax.tree.map(lambda p: p.astype(jnp.bfloat16), PARAMS)
    tx = with_telemetry(ae_optax.adamw(1e-2))
    updates, state = jax.jit(tx.update)(params, tx.init(params), params)
    chex.assert_trees_all_equal_dtypes(updates, params)
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(read(state, "telemetry"))}
    assert dtypes == {jnp.dtype(jnp.float32), jnp.dtype(jnp.int32)}
    assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, tx.init(params))


def test_starts_from_shapes_and_from_trees_of_nothing_and_works_in_wrappers():
    tx = with_telemetry(chain())
    state = tx.init(PARAMS)
    shapes = jax.eval_shape(lambda: PARAMS)
    chex.assert_trees_all_equal_shapes_and_dtypes(tx.init(shapes), state)
    chex.assert_trees_all_equal(optax.tree.map_params(tx, lambda x: x, state), state)
    for nothing in ((), {}, optax.MaskedNode()):
        out, after = tx.update(nothing, tx.init(nothing), nothing)
        assert out == nothing
        assert jax.tree.structure(after) == jax.tree.structure(tx.init(nothing))
    masked = optax.masked(tx, {"w": True, "b": False, "none": True})
    _, after = masked.update(GRADS, masked.init(PARAMS), PARAMS)
    np.testing.assert_allclose(read(after, "gradient_norm"), 3.0, rtol=1e-6)


def test_a_state_of_another_optimizer_is_refused():
    tx = with_telemetry(chain())
    state = tx.init(PARAMS)
    with pytest.raises(ValueError, match="it belongs to another optimizer"):
        tx.update(GRADS, state._replace(inner_state=()), PARAMS)


def test_what_is_no_transformation_is_refused():
    with pytest.raises(TypeError, match="`transformation` must be a gradient transformation"):
        with_telemetry(ae_optax.adam)
