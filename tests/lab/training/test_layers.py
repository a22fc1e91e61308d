"""What the trainer tells an optimizer of layers: when it asks, and what it asks for."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax as ao
from ae_optax.lab import data, losses, models, training
from ae_optax.lab.losses import Seen
from ae_optax.lab.models import Output
from ae_optax.transforms._needs import needing

IMAGES = np.random.default_rng(0).uniform(size=(6, 3, 3)).astype(np.float32)
TINY = data.Dataset("tiny", data.Splits(IMAGES, IMAGES, IMAGES), source="memory", fingerprint="")


def spy(seen):
    def update(updates, state, params=None, **extra):
        seen.append(extra)
        return updates, state

    return optax.GradientTransformationExtraArgs(optax.identity().init, update)


def told(optimizer, seen, *, loss, weights=None):
    """Return what the optimizer was told at one step, and the task and state."""
    task = training.Task(models.mlp_autoencoder([4], 2), loss, TINY)
    state = training.init_state(task.model, optimizer, jnp.asarray(IMAGES), 0)
    training.make_step(task, optimizer)(state, jnp.asarray(IMAGES), weights)
    return seen[-1], state


def test_who_does_not_ask_is_told_nothing():
    seen = []
    extra, _ = told(spy(seen), seen, loss=losses.sse())
    assert not {"layers", "sampled_layers"} & set(extra)


def test_images_that_do_not_count_are_in_no_factor_and_have_no_norm():
    seen = []
    weights = jnp.asarray([1.0, 1, 1, 1, 0, 0])
    optimizer = ao.needs_layers(ao.chain(spy(seen), ao.needs_sampled_layers(spy(seen))))
    extra, _ = told(optimizer, seen, loss=losses.sse(), weights=weights)
    for name in ("layers", "sampled_layers"):
        layer = extra[name].uses[0]
        kept = IMAGES[:4].reshape(4, -1)
        ones = np.hstack([kept, np.ones((4, 1), np.float32)])
        np.testing.assert_allclose(layer.expanded().inputs, ones.T @ ones / 4, rtol=1e-5)
        norms = np.asarray(extra[name].example_norms())
        assert (norms[:4] > 0).all()
        assert (norms[4:] == 0).all()
    uses = extra["layers"].uses, extra["sampled_layers"].uses
    assert not np.allclose(*(use[-1].output_gradients for use in uses))


def test_a_loss_without_a_likelihood_is_refused_where_targets_are_to_be_drawn():
    loss = losses.l2_penalty(1.0)
    with pytest.raises(ValueError, match="`loss` must be of one distribution"):
        told(ao.kfac(0.1), [], loss=loss)


@pytest.mark.slow
def test_runs_side_by_side_are_told_each_of_its_own():
    task = training.Task(models.mlp_autoencoder([4], 2), losses.bce_sum(), TINY)
    task = task._replace(model=models.mlp_autoencoder([4], 2, output="linear"))
    images = training.on_device(TINY)
    settings = training.Settings(epochs=2, batch_size=4)
    run = training.make_run(task, lambda rate: ao.tnt(rate), settings)
    rates = jnp.asarray([1e-3, 1e-2])
    several = jax.jit(jax.vmap(lambda rate: run(rate, 0, images).rows["train_loss"]))(rates)
    for rate, row in zip((1e-3, 1e-2), several, strict=True):
        alone = training.fit(task, ao.tnt(rate), settings)
        found = [r.train_loss for r in alone.rows]
        np.testing.assert_allclose(found, row, rtol=1e-4)


LIKELIHOODS = {
    "bce_mean": losses.bce_mean(),
    "bce_sum": losses.bce_sum(),
    "mse": losses.mse(),
    "sse": losses.sse(),
    "gaussian_nll": losses.gaussian_nll(0.3),
    "gaussian_nll, learnt": losses.gaussian_nll("learnt"),
    "total": losses.total([losses.sse(), losses.l2_penalty(1.0)]),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_gradients_for_drawn_targets_have_the_curvature_of_the_loss_for_covariance(name):
    loss, n = LIKELIHOODS[name], 40_000
    pixels = jnp.asarray([-1.0, 0.2, 2.0])
    log_variance = jnp.full((n, 3), -1.0) if "learnt" in name else None
    params = {"kernel": jnp.ones(2)}

    def seen(decoded, target):
        output = Output(decoded, log_variance=log_variance)
        return Seen(output, target, params, jnp.zeros([], jnp.int32))

    decoded = jnp.broadcast_to(pixels, (n, 3))
    sampled = jax.grad(lambda z: loss.sampled(jax.random.key(0), seen(z, decoded)))
    gradients = n * sampled(decoded)
    # Of one image: the loss is a mean over all of them.
    curvature = n * jax.hessian(lambda z: loss(seen(decoded.at[0].set(z), jnp.full((n, 3), 0.5))))(
        pixels
    )
    size = float(jnp.trace(curvature))
    # Five standard deviations of what n draws come to.
    np.testing.assert_allclose(gradients.mean(0), 0, atol=5 * (size / n) ** 0.5)
    covariance = gradients.T @ gradients / n
    np.testing.assert_allclose(covariance, curvature, atol=7 * size * n**-0.5)


def test_the_curvature_and_the_loss_elsewhere_are_those_of_the_batch():
    seen = []
    optimizer = needing("curvature", needing("loss_at", spy(seen)))

    def init(key, x):
        return {"w": 0.1 * jax.random.normal(key, (9, 9))}, {}

    def apply(params, state, x, key, train):
        return (x.reshape(-1, 9) @ params["w"]).reshape(x.shape), state

    task = training.Task(models.Model(init, apply), losses.mse(), TINY)
    images, weights = jnp.asarray(IMAGES), jnp.asarray([1.0, 1, 1, 1, 0, 0])
    state = training.init_state(task.model, optimizer, images, 0)
    training.make_step(task, optimizer)(state, images, weights)
    # Of a linear model and a squared error it is the Hessian matrix.
    x = IMAGES[:4].reshape(4, 9)
    one, other = (jax.random.normal(jax.random.key(k), (9, 9)) for k in (1, 2))
    products = seen[-1]["curvature"]([{"w": one}, {"w": other}])
    moved = np.stack([(x @ one).ravel(), (x @ other).ravel()])
    np.testing.assert_allclose(products, 2 * moved @ moved.T / (4 * 9), rtol=1e-5)
    found = seen[-1]["loss_at"]({"w": one})
    np.testing.assert_allclose(found, np.mean((x @ one - x) ** 2), rtol=1e-5)
