"""When bases and roots are found again: all at once, or a few blocks at every step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax as ao

LINEAR = ao.turned(ao.average(0.9))
RULES = {
    "eigenbasis": lambda refresh, view: ao.in_basis(
        ao.gram(0.9), inner=LINEAR, basis=ao.eigenbasis(), refresh=refresh, view=view
    ),
    "sorted_iteration": lambda refresh, view: ao.in_basis(
        ao.gram(0.9), inner=LINEAR, refresh=refresh, view=view
    ),
    "roots": lambda refresh, view: ao.precondition(
        ao.gram(0.9), root=ao.shifted_root(1e-3), refresh=refresh, view=view
    ),
}


def stream(*shape, steps=9, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(steps, *shape)), jnp.float32)


def run(tx, grads):
    @jax.jit
    def scan(grads):
        def step(state, g):
            out, state = tx.update(g, state)
            return state, (out, state)

        return jax.lax.scan(step, tx.init(jax.tree.map(lambda g: g[0], grads)), grads)[1]

    return jax.tree.map(np.asarray, scan(grads))


@pytest.mark.parametrize("name", RULES)
def test_as_many_blocks_as_must_have_their_turn_at_every_step(name):
    # Five blocks of one shape in two leaves, in two steps: three at one, and the last three.
    grads = {"a": stream(6, 2), "b": stream(4, 2, seed=1)}
    _, state = run(RULES[name](ao.rolling(2), ao.view(2)), grads)
    # The left sides of leaf a's three blocks and leaf b's two, one tree for each axis.
    trees = jax.tree.leaves(getattr(state, "roots" if name == "roots" else "bases"))
    left = np.concatenate(trees[:2], 1)
    assert left.shape[1] == 5
    changed = np.any(left[1:] != left[:-1], axis=(2, 3))
    for t, moved in enumerate(changed, 2):
        assert np.flatnonzero(moved).tolist() == ([0, 1, 2] if t % 2 else [2, 3, 4])
    # Whose turn has not come yet has the identity.
    np.testing.assert_array_equal(left[0, 3:], np.broadcast_to(np.eye(2), (2, 2, 2)))


@pytest.mark.parametrize("name", RULES)
def test_at_the_start_all_have_their_turn_at_each_step_if_that_is_said(name):
    _, state = run(RULES[name](ao.every(4, first=2, each_until=3), ao.view()), {"a": stream(3, 2)})
    (left, *_) = jax.tree.leaves(getattr(state, "roots" if name == "roots" else "bases"))
    changed = np.any(left[1:] != left[:-1], axis=(1, 2, 3))
    assert (np.flatnonzero(changed) + 2).tolist() == [2, 3, 6]


@pytest.mark.parametrize("number", ["steps", "first", "phase", "each_until"])
@pytest.mark.parametrize("value", [2.5, "x", True])
def test_what_is_no_integer_is_refused_by_name(number, value):
    with pytest.raises(TypeError, match=f"`{number}` must be an integer, got {value!r}"):
        ao.every(**{"steps": 10, number: value})


@pytest.mark.parametrize("name", RULES)
def test_a_turn_at_every_step_is_that_of_all_at_every_step(name):
    grads = {"a": stream(6, 2), "b": stream(4, 3, seed=1), "c": stream(3, seed=2)}
    rolled, together = (
        run(RULES[name](refresh, ao.view(2)), grads) for refresh in (ao.rolling(1), ao.every(1))
    )
    for left, right in zip(jax.tree.leaves(rolled), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(left, right, atol=2e-5)


def test_rolling_makes_no_decision_and_a_linear_rule_does_not_notice_it():
    grads = {"a": stream(6, 4), "b": stream(4, 4, seed=1)}
    tx = RULES["eigenbasis"](ao.rolling(3), ao.view(2))
    first = jax.tree.map(lambda g: g[0], grads)
    program = jax.make_jaxpr(tx.update)(first, tx.init(first))
    assert "cond" not in {str(equation.primitive) for equation in program.jaxpr.eqns}
    found, _ = run(RULES["sorted_iteration"](ao.rolling(3), ao.view(2)), grads)
    desired, _ = run(LINEAR, grads)
    for key in grads:
        np.testing.assert_allclose(found[key], desired[key], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["soap", "shampoo", "kl_shampoo"])
def test_optimizers_take_a_rule_in_place_of_a_number_of_steps(name):
    params = {"w": jnp.ones((6, 4))}
    optimizer = getattr(ao, name)(0.1, refresh_every=ao.rolling(4), block_size=2)
    state = optimizer.init(params)
    for g in stream(6, 4, steps=3):
        updates, state = optimizer.update({"w": g}, state, params)
    assert np.all(np.isfinite(updates["w"]))
    with pytest.raises(ValueError, match="`refresh_every` must be at least 1, got 0"):
        getattr(ao, name)(0.1, refresh_every=0)
