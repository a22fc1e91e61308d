"""An update can be differentiated in every hyperparameter, also where a gradient is zero."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import hyperparameters, make, one_of_each_kind
from marks import slow

import ae_optax
from ae_optax import schedules
from ae_optax.compat import keras, torch

STEP = 1e-6


pytestmark = pytest.mark.usefixtures("x64")


START, *SLOPES = np.random.default_rng(0).normal(size=(3, 2, 3))
GRADIENTS = np.stack(SLOPES) * [[0, 1, 1], [1, 0, 1]]


def loss_after(steps, optimizer, slopes):
    """Return a loss of the parameters after some steps, of which two leaves see gradients."""
    params = {"w": jnp.asarray(START), "still": jnp.asarray(START[0])}
    state = optimizer.init(params)
    for slope in slopes[:steps]:
        grads = {"w": slope * (1 + 0.1 * params["w"]), "still": jnp.zeros(3)}
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return sum(jnp.sum(jnp.sin(leaf)) for leaf in params.values())


@pytest.mark.parametrize("name", one_of_each_kind())
def test_the_derivative_in_every_hyperparameter_is_that_of_central_differences(name):
    numbers = hyperparameters(name)
    # Not at a border of its range, where there is no other side.
    start = jnp.asarray([0.05 if value == 0 else value for value in numbers.values()])

    def loss(values):
        given = dict(zip(numbers, values, strict=True))
        return loss_after(2, make(name, **given), GRADIENTS)

    @jax.jit
    def both(values):
        # In units of each, but not beyond 1, which a decay must not pass.
        size = STEP * jnp.minimum(jnp.abs(values), 1 - jnp.minimum(values, 0.9999))
        moves = jnp.stack([jnp.diag(size), -jnp.diag(size)])
        above, below = jax.lax.map(
            lambda side: jax.lax.map(lambda m: loss(values + m), side), moves
        )
        return jax.grad(loss)(values) * size, (above - below) / 2

    exact, differences = both(start)
    assert np.all(np.isfinite(exact))
    np.testing.assert_allclose(exact, differences, rtol=1e-4, atol=1e-13)


@pytest.mark.parametrize("name", ["adam", *slow("nadam", "radam", "adan")])
def test_a_decay_of_zero_has_a_derivative(name):
    def loss(b1):
        return loss_after(2, make(name, b1=b1), GRADIENTS)

    slope = jax.grad(loss)(0.0)
    np.testing.assert_allclose(slope, (loss(1e-7) - loss(0.0)) / 1e-7, rtol=1e-5, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make_one",
    [
        lambda number: ae_optax.chain(ae_optax.clip_by_global_norm(number), ae_optax.sgd(0.1)),
        lambda number: ae_optax.chain(ae_optax.sgd(number), ae_optax.retract_to_ball(axis=0)),
        lambda number: ae_optax.chain(ae_optax.sgd(number), ae_optax.retract_to_sphere(axis=0)),
        lambda number: ae_optax.chain(ae_optax.adaptive_clip(number), ae_optax.sgd(0.1)),
        lambda number: ae_optax.with_telemetry(ae_optax.adam(number)),
        lambda number: ae_optax.lamb(0.1, eps=number, weight_decay=0.0),
        lambda number: ae_optax.chain(
            ae_optax.add_decayed_weights(number), ae_optax.lars(0.1, weight_decay=0.0)
        ),
    ],
    ids=[
        *("clip_by_global_norm", "ball", "sphere", "adaptive_clip", "with_telemetry"),
        *("lamb", "lars"),
    ],
)
@pytest.mark.parametrize("size", [0.0, 1.0])
def test_what_clips_retracts_or_looks_on_can_be_differentiated_at_a_leaf_of_zeros(make_one, size):
    def loss(number):
        params = {"w": size * START}
        optimizer = make_one(number)
        updates, _ = optimizer.update({"w": size * GRADIENTS[0]}, optimizer.init(params), params)
        return jnp.sum(jnp.sin(params["w"] + updates["w"]))

    slope = jax.grad(loss)(0.3)
    difference = (loss(0.3 + 1e-6) - loss(0.3 - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, difference, rtol=1e-5, atol=1e-8)


def chained(lr, gamma):
    cycle = torch.cyclic_lr(lr, 0.1, 0.5, step_size_up=4)
    return torch.chained_scheduler([cycle, torch.exponential_lr(lr, gamma)])


def product(lr, gamma):
    return torch.multiplicative_lr(lr, lambda t: 1 / (1 + gamma * t.astype(float)))


@pytest.mark.slow
@pytest.mark.parametrize("make_one", [chained, *slow(product)])
def test_a_schedule_that_goes_step_by_step_can_be_differentiated_backwards(make_one):
    start = jnp.asarray([0.3, 0.9])

    def rate(numbers):
        return make_one(*numbers)(7)

    moves = 1e-6 * jnp.eye(2)
    differences = [(rate(start + move) - rate(start - move)) / 2e-6 for move in moves]
    for derivative in (jax.grad(rate), jax.jit(jax.grad(rate)), jax.jacfwd(rate)):
        np.testing.assert_allclose(derivative(start), differences, rtol=1e-6, atol=1e-9)
    slopes = jax.jit(jax.grad(rate))
    curves = [(slopes(start + move) - slopes(start - move)) / 2e-6 for move in moves]
    np.testing.assert_allclose(
        jax.jacrev(jax.grad(rate))(start), np.stack(curves, axis=1), rtol=1e-6, atol=1e-7
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "make_one",
    [
        lambda n: schedules.polynomial_decay(0.1, end_value=0.0, power=0.5, duration=n),
        lambda n: torch.polynomial_lr(0.1, n, 0.5),
        lambda n: keras.polynomial_decay(0.1, n, 0.0, 0.5),
        lambda n: torch.exponential_lr(0.1, n - 5),
        lambda n: torch.step_lr(0.1, 2, n - 5),
        lambda n: torch.multi_step_lr(0.1, [1, 3], n - 5),
        lambda n: torch.cyclic_lr(0.1, 0.0, 0.1, 4, mode="exp_range", gamma=n - 5),
    ],
)
def test_the_slope_of_a_schedule_is_that_of_differences_after_its_end_and_at_a_factor_of_zero(
    make_one,
):
    steps = jnp.asarray([0, 1, 3, 7, 8])

    def rates(number):
        return jax.vmap(make_one(number))(steps)

    found = jax.jacfwd(rates)(5.0), jax.jacrev(rates)(5.0)
    differences = (rates(5.0 + 1e-7) - rates(5.0)) / 1e-7  # A factor is not negative.
    for slopes in found:
        np.testing.assert_allclose(slopes, differences, rtol=1e-4, atol=1e-6)
