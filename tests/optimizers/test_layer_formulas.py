"""The rules of layers against their formulas, as `tests/reference_layers.py` has them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import reference_layers
from enrolment import assert_entries
from marks import slow

import ae_optax
from ae_optax import optimizers, transforms
from ae_optax.capturing import Layers, capture

# The rules whose steps depend on layers.
RULES = [
    name
    for name in optimizers.__all__
    if transforms.needs(jax.eval_shape(getattr(optimizers, name)(0.1).init, np.ones((2, 2))))
]
SETTINGS = {
    "ekfac": {"momentum": 0.8, "b2": 0.7, "damping": 0.3, "refresh_every": 3},
    "kfac": {"momentum": 0.8, "b2": 0.7, "damping": 0.3, "refresh_every": 3},
    "kfac_eigen": {"momentum": 0.8, "b2": 0.7, "damping": 0.3, "refresh_every": 3},
    "tnt": {"momentum": 0.8, "b2": 0.7, "damping": 0.3, "refresh_every": 3},
}
N, STEPS = 9, 8


pytestmark = pytest.mark.usefixtures("x64")


def random(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def affine(params, x, y):
    """Half the squared error of one layer: the likelihood of a Gaussian of variance one."""
    out = x @ params["kernel"] + params["bias"][None]
    return 0.5 * jnp.mean(jnp.sum((out - y) ** 2, 1))


PARAMS = {"kernel": random(4, 3, seed=0), "bias": random(3, seed=1)}


def joined(tree):
    return np.concatenate([tree["kernel"], np.asarray(tree["bias"])[None]])


def test_every_rule_of_layers_is_tested():
    assert_entries(
        SETTINGS | {"kbfgs": {}},
        RULES,
        at="tests/optimizers/test_layer_formulas.py: SETTINGS",
        entry="settings to try; its formula in NumPy goes into tests/reference_layers.py",
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_matches_the_formula(name):
    # The second layers' targets need not be the model's own: the formula does not know.
    xs, ys, drawn = (random(STEPS, N, k, seed=k + s) for k, s in ((4, 0), (3, 1), (3, 2)))
    rates = 0.1 / (1 + np.arange(STEPS))
    optimizer = getattr(ae_optax, name)(lambda t: jnp.asarray(rates)[t], **SETTINGS[name])

    @jax.jit
    def run(params):
        def step(carry, batch):
            params, state = carry
            x, y, other = batch
            grads = jax.grad(affine)(params, x, y)
            _, _, layers = capture(affine)(params, x, other)
            seen = grads, layers.uses[0].output_gradients
            updates, state = optimizer.update(grads, state, params, sampled_layers=layers)
            params = optax.apply_updates(params, updates)
            return (params, state), (params, seen)

        return jax.lax.scan(step, (params, optimizer.init(params)), (xs, ys, drawn))[1]

    path, (grads, outputs) = jax.tree.map(np.asarray, run(PARAMS))
    steps = [
        (joined({k: g[i] for k, g in grads.items()}), np.hstack([xs[i], np.ones((N, 1))]), d, rate)
        for i, (d, rate) in enumerate(zip(outputs, rates, strict=True))
    ]
    expected = getattr(reference_layers, name)(steps, joined(PARAMS), **SETTINGS[name])
    for i, desired in enumerate(expected):
        np.testing.assert_allclose(
            joined({k: p[i] for k, p in path.items()}), desired, rtol=1e-9, atol=1e-11
        )


def test_kbfgs_matches_the_formula():
    settings = {"b1": 0.8, "b2": 0.7, "damping": 0.3}
    xs, ys, rates = random(STEPS, N, 4, seed=6), random(STEPS, N, 3, seed=7), np.full(STEPS, 0.3)
    optimizer = ae_optax.kbfgs(0.3, **settings)

    def quartic(params, x, y):
        out = x @ params["kernel"] + params["bias"][None]
        return jnp.mean(jnp.sum((out - y) ** 4 / 4, 1))

    @jax.jit
    def run(params):
        def step(carry, batch):
            params, state = carry
            _, grads, layers = capture(quartic)(params, *batch)
            updates, state = optimizer.update(
                grads,
                state,
                params,
                layers=layers,
                layers_at=lambda params: capture(quartic)(params, *batch)[2],
            )
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, optimizer.init(params)), (xs, ys))[1]

    def gradient(w, batch):
        x, y = batch
        a = np.hstack([x, np.ones((N, 1))])
        d = (a @ w - y) ** 3 / N
        return a.T @ d, a, d

    start = jax.tree.map(lambda p: 0.3 * p, PARAMS)
    path = jax.tree.map(np.asarray, run(start))
    batches = list(zip(xs, ys, strict=True))
    expected = reference_layers.kbfgs(gradient, batches, rates, joined(start), **settings)
    for i, desired in enumerate(expected):
        np.testing.assert_allclose(
            joined({k: p[i] for k, p in path.items()}), desired, rtol=1e-8, atol=1e-10
        )


def whitened_noise():
    """Return draws (N, 3) of mean zero whose covariance is exactly the identity."""
    noise = random(N, 3, seed=5)
    noise -= noise.mean(0)
    return np.sqrt(N) * np.linalg.qr(noise)[0]


@pytest.mark.parametrize("name", ["kfac", *slow("kfac_eigen")])
def test_of_one_linear_layer_a_step_without_damping_is_least_squares(name):
    x, y = random(N, 4, seed=3), random(N, 3, seed=4)
    optimizer = getattr(ae_optax, name)(1.0, momentum=0.0, damping=1e-20)
    grads = jax.grad(affine)(PARAMS, x, y)
    own = x @ PARAMS["kernel"] + PARAMS["bias"]
    _, _, layers = capture(affine)(PARAMS, x, own + whitened_noise())
    updates, _ = optimizer.update(grads, optimizer.init(PARAMS), PARAMS, sampled_layers=layers)
    reached = joined(optax.apply_updates(PARAMS, updates))
    best = np.linalg.lstsq(np.hstack([x, np.ones((N, 1))]), y, rcond=None)[0]
    np.testing.assert_allclose(reached, best, rtol=1e-8)


def test_the_trace_of_ekfacs_variances_is_that_of_the_fisher_matrix():
    x, y = random(N, 4, seed=3), random(N, 3, seed=4)
    inner = transforms.chain(transforms.squared_examples())
    direction = transforms.in_basis(
        transforms.fisher_factors(0.9), inner=inner, basis=transforms.eigenbasis()
    )
    # What the inside gives out is turned back: in the basis it is read from the factors' own.
    (layer,) = capture(affine)(PARAMS, x, y)[2].uses
    matrix = dataclasses.replace(layer, kernel="['w']", shape=(5, 3))
    g = {"w": joined(jax.grad(affine)(PARAMS, x, y))}
    out, state = direction.update(g, direction.init(g), sampled_layers=Layers((matrix,)))
    left, right = (np.asarray(tree["w"][0]) for tree in state.inner.bases)
    variances = left.T @ out["w"] @ right
    alone = [joined(jax.grad(affine)(PARAMS, x[i : i + 1], y[i : i + 1])) for i in range(N)]
    trace = np.mean([np.sum(np.square(g)) for g in alone])
    np.testing.assert_allclose(variances.sum(), trace, rtol=1e-10)
    assert (variances > 0).all()


def test_a_kernel_that_a_loop_slices_is_refused_with_its_slices_and_the_way_out():
    params = {"w": random(3, 4, 4, seed=0)}

    def loss(params, x):
        out, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, params["w"])
        return jnp.mean(out**2)

    _, grads, layers = capture(loss)(params, random(5, 4, seed=1))
    optimizer = optimizers.kfac(0.1)
    sliced = r"\['w'\], got one of each of its slices, \['w'\]\[0\] and so on.*`by_path`"
    with pytest.raises(ValueError, match=f"`sampled_layers` must have a use of {sliced}"):
        optimizer.update(grads, optimizer.init(params), params, sampled_layers=layers)
