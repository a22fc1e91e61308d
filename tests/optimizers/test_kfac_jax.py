"""K-FAC against trajectories of kfac-jax: `experiments/conformance/kfac_jax_reference.py`."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax as ao

GOLDEN = Path(__file__).parents[1] / "golden" / "kfac_jax"


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def loss(params, x, y):
    first, second = params["first"], params["second"]
    hidden = jnp.tanh(x @ first["kernel"] + first["bias"][None])
    out = hidden @ second["kernel"] + second["bias"][None]
    return jnp.mean(jnp.sum((out - y) ** 2, 1))


def split(h):
    """As ``kfac`` is, of the gradients of the loss itself."""
    return ao.precondition(
        ao.balanced(ao.empirical_factors(h["b2"])),
        root=ao.damped_inverse(h["damping"] ** 0.5),
        power=1,
        refresh=ao.every(h["refresh_every"]),
    )


def exact(h):
    """As ``kfac_eigen`` is."""
    return ao.in_basis(
        ao.empirical_factors(h["b2"]),
        inner=ao.quotient(
            numerator=ao.identity(),
            denominator=ao.chain(ao.factored_curvature(), ao.add(h["damping"])),
        ),
        basis=ao.eigenbasis(),
        refresh=ao.every(h["refresh_every"]),
    )


@pytest.mark.parametrize("way", [split, exact])
def test_goes_where_kfac_jax_goes(way):
    with np.load(GOLDEN / f"{way.__name__}.npz") as found:
        record = dict(found)
    h = json.loads(str(record["settings"]))["hyperparameters"]
    direction = ao.chain(way(h), ao.scale_by_momentum(h["momentum"], dtype=None))
    optimizer = ao.chain(
        ao.for_layers(direction, others=ao.identity()),
        ao.scale_by_learning_rate(h["learning_rate"]),
    )
    path = {
        layer: {name: jnp.asarray(record[f"{layer}.{name}"]) for name in ("kernel", "bias")}
        for layer in ("first", "second")
    }

    @jax.jit
    def run(params):
        def step(carry, batch):
            params, state = carry
            _, grads, layers = ao.capture(loss)(params, *batch)
            updates, state = optimizer.update(grads, state, params, layers=layers)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, optimizer.init(params)), (record["xs"], record["ys"]))[1]

    reached = run(jax.tree.map(lambda p: p[0], path))
    for own, theirs in zip(*map(jax.tree.leaves, (reached, path)), strict=True):
        way_gone = np.linalg.norm(theirs[-1] - theirs[0])
        assert np.max(np.abs(own - theirs[1:])) < 1e-10 * way_gone
