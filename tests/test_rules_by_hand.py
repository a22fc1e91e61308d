"""The rules that the benchmark has fused by hand compute what the package's do, and as cheaply."""

import importlib.util
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from enrolment import LAYER_OPTIMIZERS, MATRIX_OPTIMIZERS, assert_entries

import ae_optax
from ae_optax import optimizers

BENCHMARKS = Path(__file__).parents[1] / "experiments/benchmarks"


def load(name):
    """Return a module of the benchmark, and let those that are loaded later import it."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


fused, benchmark = load("fused"), load("update")


# Which have no twin, and why: only a rule of single coordinates is one function of a coordinate.
NOT_BY_HAND = dict.fromkeys(MATRIX_OPTIMIZERS + LAYER_OPTIMIZERS, "it turns whole matrices")
BY_HAND = [name for name in optimizers.__all__ if name in fused.RULES]


def test_every_elementwise_optimizer_has_a_twin():
    assert_entries(
        {**fused.RULES, **NOT_BY_HAND},
        optimizers.__all__,
        at="experiments/benchmarks/fused.py: RULES",
        entry="a coordinate's whole step by hand; or, of a rule that is not elementwise, "
        "in tests/test_rules_by_hand.py: NOT_BY_HAND, why it has none",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_HAND)
def test_a_rule_by_hand_takes_the_same_steps(name):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        ours = getattr(ae_optax, name)(0.01)
        init, step = fused.make(name, 0.01)
        step = jax.jit(step)
        params = {k: jnp.asarray(rng.normal(size=(3, 5))) for k in "ab"}
        mine, state, theirs = params, ours.init(params), (params, init(params))
        for _ in range(8):
            grads = {k: jnp.asarray(rng.normal(size=(3, 5))) for k in "ab"}
            updates, state = ours.update(grads, state, mine)
            mine = optax.apply_updates(mine, updates)
            with jax.numpy_dtype_promotion("standard"):
                theirs = step(*theirs, grads)
    for k in "ab":
        moved = np.asarray(mine[k] - params[k])
        # By hand, powers of the decays are taken in float32: that is what is lost of a step.
        limit = 1e-4 * np.abs(moved).max()
        np.testing.assert_allclose(theirs[0][k] - params[k], moved, rtol=0, atol=limit)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_composition_reads_and_writes_no_more_than_the_rule_by_hand(name, monkeypatch):
    # The count does not depend on the size, but for the scalars of a step.
    monkeypatch.setattr(benchmark, "SHAPE", (128, 128))
    monkeypatch.setattr(benchmark, "LEAVES", 1)
    ours = getattr(ae_optax, name)(0.01)
    passes = benchmark.array_passes(ours.init, benchmark.make_step(ours))
    assert passes <= benchmark.array_passes(*fused.make(name, 0.01)) + 0.1
