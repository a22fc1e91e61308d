"""``read``: a value of any optimizer's state, by its name."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import ae_optax
from ae_optax import read

PARAMS = {"encoder": {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}, "count": jnp.ones(2)}


def state_of(tx):
    return tx.init(PARAMS)


@pytest.mark.parametrize(
    "tx",
    [
        ae_optax.sgd(0.25),
        ae_optax.adamw(0.25),
        ae_optax.schedule_free_adamw(0.25, warmup_steps=0),
        ae_optax.chain(ae_optax.clip(1.0), ae_optax.chain(ae_optax.adam(0.25))),
        optax.chain(optax.clip(1.0), ae_optax.adam(0.25)),
        optax.named_chain(("clip", optax.clip(1.0)), ("adam", ae_optax.adam(0.25))),
        optax.masked(ae_optax.adam(0.25), {"encoder": True, "count": False}),
        optax.MultiSteps(ae_optax.adam(0.25), 3).gradient_transformation(),
        optax.partition(
            {"a": ae_optax.adam(0.25), "b": optax.set_to_zero()}, {"encoder": "a", "count": "b"}
        ),
        optax.apply_if_finite(ae_optax.adam(0.25), 3),
        ae_optax.with_telemetry(ae_optax.adam(0.25)),
    ],
)
def test_finds_the_learning_rate_at_any_depth(tx):
    assert read(state_of(tx), "last_rate") == 0.25


@pytest.mark.parametrize("adam", [ae_optax.adam, optax.adam])
def test_finds_the_learning_rate_that_is_injected(adam):
    assert read(state_of(optax.inject_hyperparams(adam)(0.25)), "learning_rate") == 0.25


def test_finds_what_has_the_structure_of_the_parameters():
    state = state_of(optax.adam(1e-3))
    mu = read(state, "mu")
    assert jax.tree.structure(mu) == jax.tree.structure(PARAMS)
    assert mu is state[0].mu


def test_finds_a_state_by_the_label_of_its_group():
    tx = optax.partition(
        {"a": ae_optax.sgd(1.0), "b": ae_optax.sgd(0.5)}, {"encoder": "a", "count": "b"}
    )
    inner = read(state_of(tx), "b")
    assert read(inner, "last_rate") == 0.5
    assert read(state_of(tx), "b.inner_state.last_rate") == 0.5


def test_reads_from_the_whole_state_of_flax():
    model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, ae_optax.sgd(0.25), wrt=nnx.Param)
    assert jnp.asarray(read(optimizer.opt_state, "last_rate")[...]) == 0.25


def test_reads_inside_a_compiled_loop():
    tx = ae_optax.sgd(lambda step: 1.0 / (1 + step.astype(jnp.float32)))

    def step(state, _):
        _, state = tx.update(PARAMS, state)
        return state, read(state, "last_rate")

    rates = jax.jit(lambda s: jax.lax.scan(step, s, length=3)[1])(state_of(tx))
    np.testing.assert_allclose(rates, [1, 1 / 2, 1 / 3], rtol=1e-6)


def test_a_name_that_several_have_is_refused_with_their_paths():
    state = state_of(ae_optax.adam(1e-3))
    paths = r"\[0\]\.numerator\[1\]\.count, \[0\]\.denominator\[2\]\.count, \[1\]\.count"
    with pytest.raises(ValueError, match=f"the end of one of these paths: {paths}; got 'count'"):
        read(state, "count")
    assert read(state, "numerator[1].count") is state[0].numerator[1].count
    assert read(state, "[1].count") is state[1].count


def test_a_name_that_nothing_has_is_refused_with_those_there_are():
    message = (
        "`name` must be one of: count, denominator, last_rate, mean, numerator; got 'momentum'."
    )
    with pytest.raises(ValueError, match="^" + message + "$"):
        read(state_of(ae_optax.adam(1e-3)), "momentum")
    with pytest.raises(ValueError, match=r"one of: \(the state is empty\); got 'x'"):
        read((), "x")


@pytest.mark.parametrize("name", ["kernel", "encoder", "rate", "ount"])
def test_neither_a_parameter_nor_a_part_of_a_name_is_one(name):
    with pytest.raises(ValueError, match="`name` must be one of"):
        read(state_of(ae_optax.adam(1e-3)), name)
