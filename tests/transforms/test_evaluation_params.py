"""Where a model is to be evaluated, as its optimizer says."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from flax.training.train_state import TrainState

import ae_optax as ao

PARAMS = {"encoder": {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}, "decoder": jnp.ones(4)}
GRADS = jax.tree.map(lambda p: p + 1, PARAMS)
AVERAGING = ao.chain(ao.sgd(0.1), ao.average_params(0.5))


def trained(optimizer, steps=4):
    """Return the state and the parameters after some steps, and the parameters of each step."""
    params, state, path = PARAMS, optimizer.init(PARAMS), []
    for _ in range(steps):
        updates, state = optimizer.update(GRADS, state, params)
        params = optax.apply_updates(params, updates)
        path.append(params)
    return state, params, path


def average(path, decay=0.5):
    weights = decay ** np.arange(len(path) - 1, -1, -1.0)
    return jax.tree.map(lambda *ps: np.tensordot(weights / weights.sum(), ps, 1), *path)


WRAPPED = {
    "alone": lambda: AVERAGING,
    "chain": lambda: ao.chain(ao.clip(10.0), AVERAGING),
    "skip": lambda: ao.skip_non_finite(AVERAGING),
    "accumulate": lambda: ao.accumulate(AVERAGING, every=1),
    "telemetry": lambda: ao.with_telemetry(AVERAGING),
    "multi steps": lambda: optax.MultiSteps(AVERAGING, 1).gradient_transformation(),
    "injected": lambda: optax.inject_hyperparams(lambda rate: ao.chain(ao.scale(rate), AVERAGING))(
        rate=1.0
    ),
    "masked": lambda: optax.masked(AVERAGING, jax.tree.map(lambda _: True, PARAMS)),
    "by path": lambda: ao.by_path({"decoder": AVERAGING, "**": AVERAGING}),
    "partition": lambda: optax.partition(
        {"a": AVERAGING, "b": AVERAGING}, {"encoder": "a", "decoder": "b"}
    ),
}


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_an_average_is_found_wherever_it_stands(wrapped):
    with jax.numpy_dtype_promotion("standard"):  # For Optax's own.
        state, params, path = trained(WRAPPED[wrapped]())
    found = jax.jit(ao.evaluation_params)(state, params)
    chex.assert_trees_all_close(found, average(path), rtol=1e-6)
    chex.assert_trees_all_equal_dtypes(found, params)


def test_what_averages_some_parameters_decides_for_these_alone():
    optimizer = ao.by_path({"encoder/**": ao.sgd(0.1), "**": AVERAGING})
    state, params, path = trained(optimizer)
    found = ao.evaluation_params(state, params)
    chex.assert_trees_all_equal(found["encoder"], params["encoder"])
    np.testing.assert_allclose(found["decoder"], average(path)["decoder"], rtol=1e-6)


def test_lookahead_is_evaluated_at_its_slow_parameters():
    optimizer = ao.lookahead(ao.sgd(0.1), every=3, slow_rate=0.5)
    state, params, path = trained(optimizer, steps=5)
    chex.assert_trees_all_equal(ao.evaluation_params(state, params), path[2])


def test_what_says_nothing_is_evaluated_where_it_is_trained():
    state, params, _ = trained(ao.adam(1e-2))
    assert jax.tree.leaves(ao.evaluation_params(state, params)) == jax.tree.leaves(params)


@pytest.mark.parametrize(
    "optimizer",
    [ao.chain(AVERAGING, ao.average_params(0.9)), ao.lookahead(AVERAGING, every=2)],
    ids=["beside", "inside"],
)
def test_two_that_decide_for_one_parameter_are_an_error(optimizer):
    with pytest.raises(ValueError, match=r"must say once where to evaluate 'decoder', got \w+ and"):
        ao.evaluation_params(optimizer.init(PARAMS), PARAMS)


def test_averages_of_other_parameters_are_an_error_that_tells_the_way_out():
    state = ao.flatten(AVERAGING).init(PARAMS)
    with pytest.raises(ValueError, match=r"must hold all that AverageParamsState .* `flatten`"):
        ao.evaluation_params(state, PARAMS)


def test_without_parameters_it_says_that_they_are_missing():
    message = r"`params` must be given with a `state` that holds none, got tuple\. Call"
    with pytest.raises(ValueError, match=message):
        ao.evaluation_params(ao.adam(0.1).init(PARAMS))


def test_a_transformation_of_ones_own_can_say_where():
    class Half(NamedTuple):
        kept: optax.Params

        def evaluate_at(self):
            return lambda p, kept: (p + kept) / 2, self.kept

    half = optax.GradientTransformation(Half, lambda updates, state, _=None: (updates, state))
    state, params, _ = trained(ao.chain(ao.sgd(0.1), half))
    expected = jax.tree.map(lambda p, start: (p + start) / 2, params, PARAMS)
    chex.assert_trees_all_close(ao.evaluation_params(state, params), expected, rtol=1e-6)


@pytest.mark.parametrize("optimizer", [AVERAGING, ao.schedule_free_adamw(0.1)])
def test_train_states_and_modules_of_flax_are_read_alike(optimizer):
    class Linear(nnx.Module):
        def __init__(self):
            self.kernel, self.count = nnx.Param(jnp.ones((2, 3))), nnx.BatchStat(jnp.zeros(3))

    module, grad = Linear(), jnp.ones((2, 3))
    holder = nnx.Optimizer(module, optimizer, wrt=nnx.Param)
    flax = TrainState.create(apply_fn=None, params={"kernel": grad}, tx=optimizer)
    for _ in range(3):
        flax = flax.apply_gradients(grads={"kernel": grad})
        holder.update(module, nnx.State({"kernel": nnx.Param(grad)}))
    expected = ao.evaluation_params(flax.opt_state, flax.params)["kernel"]
    assert np.all(expected != flax.params["kernel"])
    np.testing.assert_array_equal(ao.evaluation_params(flax)["kernel"], expected)
    variables = ao.evaluation_params(holder, nnx.state(module, nnx.Param))
    np.testing.assert_allclose(variables["kernel"][...], expected, rtol=1e-6)
    # A whole module as well: what is no parameter stays.
    evaluated = ao.evaluation_params(holder, module)
    np.testing.assert_allclose(evaluated.kernel[...], expected, rtol=1e-6)
    np.testing.assert_array_equal(evaluated.count[...], module.count[...])
