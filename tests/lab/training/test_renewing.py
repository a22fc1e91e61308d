"""Models that change their own weights between steps, and optimizers that are told."""

import jax
import jax.numpy as jnp
import numpy as np

import ae_optax as ao
from ae_optax._trees import states_of
from ae_optax.lab import losses, models, training

X = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
UNITS = 30


def optimizer(rate=1e-2):
    return ao.by_path(
        {
            "decoder/kernel": ao.chain(
                ao.reset_units(ao.adam(rate), axis=0), ao.retract_to_sphere(axis=0)
            ),
            "encoder/*": ao.reset_units(ao.adam(rate), axis=-1),
            "**": ao.adam(rate),
        }
    )


def task(dead_after=4):
    model = models.topk_dictionary(UNITS, k=1, dead_after=dead_after)
    model = models.resample_dead(model, every=5, dead_after=dead_after)
    loss = losses.total([losses.mse(), losses.revival()])
    return training.Task(model, loss)


def begun(task, tx):
    return jax.jit(lambda: training.init_state(task.model, tx, jnp.asarray(X), 0))()


def counts(state):
    """Return how many steps the optimizer of each unit has taken."""
    told, *others = [
        np.asarray(leaf)
        for part in states_of(state.opt_state, ao.transforms.ResetUnitsState)
        for leaf in jax.tree.leaves(part)
        if leaf.shape == (UNITS,) and leaf.dtype == jnp.int32
    ]
    assert all(np.array_equal(told, other) for other in others)
    return told


def test_revived_units_start_over_with_the_optimizer_and_all_others_go_on():
    tx, what = optimizer(), task()
    step, state = jax.jit(training.make_step(what, tx)), begun(what, tx)
    for i in range(10):
        silent = np.asarray(state.model_state["model"]["silent"])
        dead = (silent >= 4) & (i % 5 == 0)
        before = counts(state)
        old = np.asarray(state.params["decoder"]["kernel"])
        state, _ = step(state, X)
        np.testing.assert_array_equal(counts(state), np.where(dead, 1, before + 1))
        turned = np.sum(old * np.asarray(state.params["decoder"]["kernel"]), axis=1)
        assert np.all(turned[~dead] > 0.99)
        assert not dead.any() or np.median(turned[dead]) < 0.9
    assert counts(state).min() < 10


def test_a_step_that_is_skipped_leaves_the_weights_as_they_were():
    tx, what = optimizer(), task()
    step = jax.jit(training.make_step(what, tx, on_non_finite="skip"))
    state = begun(what, tx)
    state.model_state["model"]["silent"] = jnp.full(UNITS, 9, jnp.int32)
    broken, _ = step(state, X.copy() * np.float32(np.nan))
    for after, before in zip(
        jax.tree.leaves((broken.params, broken.model_state)),
        jax.tree.leaves((state.params, state.model_state)),
        strict=True,
    ):
        np.testing.assert_array_equal(after, before)
    # And are renewed at the next.
    assert np.all(counts(step(broken, X)[0]) == 1)
