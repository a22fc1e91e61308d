"""``plan``: what SOAP may cost, from shapes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax
from ae_optax import observing, plan
from ae_optax.observing import _plan as model

WIDTHS = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)
PARAMS = {
    f"{i}": {"kernel": jax.ShapeDtypeStruct((m, n), jnp.float32)}
    for i, (m, n) in enumerate(itertools.pairwise(WIDTHS))
}


def test_more_time_knows_more_and_never_costs_more_than_it_may():
    chosen = [plan(PARAMS, 1000, overhead=limit) for limit in (1.2, 1.5, 2.0, 4.0)]
    assert all(each.ratio <= limit for each, limit in zip(chosen, (1.2, 1.5, 2, 4), strict=True))
    covered = [each.covered for each in chosen]
    assert covered == sorted(covered)
    assert chosen[-1].arguments == {"sides": "all", "block_size": None, "refresh_every": 10}
    assert chosen[-1].covered == 1
    assert str(chosen[-1]) == (
        f"all sides of whole leaves, refreshed every 10 steps: {chosen[-1].ratio:.2f} times Adam's "
        "step, 100% of all pairs known"
    )


def test_a_larger_batch_hides_more():
    small, large = (plan(PARAMS, batch, overhead=1.5) for batch in (500, 5000))
    assert small.covered < large.covered


def test_the_operations_of_every_step_are_those_of_the_program():
    # Without refreshing, which a CPU's time counts by more than its operations.
    params = {"w": jnp.ones((400, 240))}
    counted = observing.cost_of(ae_optax.soap(1.0, block_size=100, refresh_every=10**6), params)
    planned = model.operations([(400, 240)], "all", 100, 10**6)
    np.testing.assert_allclose(counted.flops, planned, rtol=0.25)  # And sums of single numbers.


def test_nothing_costs_as_much_as_nothing():
    assert plan({}, 10).ratio == 1


def test_its_arguments_are_those_of_soap():
    ae_optax.soap(1e-3, **plan(PARAMS, 1000).arguments)


def test_what_no_blocks_can_do_is_refused_with_what_they_can():
    with pytest.raises(ValueError, match=r"`overhead` must be at least \d\.\d+ with"):
        plan(PARAMS, 10, overhead=1.01)
    with pytest.raises(ValueError, match="`overhead` must be more than 1, got 1"):
        plan(PARAMS, 10, overhead=1.0)
