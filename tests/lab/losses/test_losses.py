import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.lab import losses, models


def images(seed, n=3, size=4):
    return np.random.default_rng(seed).uniform(size=(n, size, size)).astype(np.float32)


def per_image(loss, decoded, target):
    seen = losses.Seen(models.Output(decoded), target, {}, jnp.int32(0))
    (term,) = loss.terms(seen).values()
    return term.value


def test_mse_is_the_mean_over_pixels():
    target, output = images(0), images(1)
    expected = ((target.astype(float) - output) ** 2).reshape(3, -1).mean(1)
    np.testing.assert_allclose(per_image(losses.mse(), output, target), expected, rtol=1e-6)


@pytest.mark.parametrize(("name", "reduce"), [("bce_mean", np.mean), ("bce_sum", np.sum)])
def test_cross_entropy_reduces_over_pixels_as_its_name_says(name, reduce):
    target, logits = images(0), 8 * images(1) - 4
    r = 1 / (1 + np.exp(-logits.astype(float)))
    expected = reduce((-target * np.log(r) - (1 - target) * np.log(1 - r)).reshape(3, -1), axis=1)
    loss = getattr(losses, name)()
    np.testing.assert_allclose(per_image(loss, logits, target), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["bce_mean", "bce_sum"])
def test_cross_entropy_and_its_gradient_are_finite_for_every_logit(name):
    logits = jnp.asarray([-1e30, -200.0, 0.0, 200.0, 1e30]).reshape(5, 1, 1)
    target = jnp.asarray([0.0, 1.0, 0.5, 0.0, 1.0]).reshape(5, 1, 1)
    loss = getattr(losses, name)()
    value, gradient = jax.value_and_grad(lambda z: jnp.sum(per_image(loss, z, target)))(logits)
    chex.assert_tree_all_finite((value, gradient))


def test_cross_entropy_is_least_where_the_output_is_the_target():
    target = images(0)
    logits = np.log(target / (1 - target))
    loss = losses.bce_mean()
    best = per_image(loss, logits, target)
    assert np.all(per_image(loss, logits + 0.1, target) > best)
    assert np.all(per_image(loss, logits - 0.1, target) > best)
