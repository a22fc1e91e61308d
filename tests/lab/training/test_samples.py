"""Samples, codes, and codes as points of a plane."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import sgd
from ae_optax.lab import losses, models, training
from ae_optax.lab.training._pictures import project_to_plane

IMAGES = jnp.asarray(np.random.default_rng(0).random((12, 3, 2), dtype=np.float32))


def linear(*, tells=True, decodes=True, posterior=False):
    """Return a model whose code is the first three pixels times a parameter."""

    def init(key, x):
        return {"scale": jnp.float32(2)}, {}

    def apply(params, state, x, key, train):
        code = params["scale"] * x.reshape(x.shape[0], -1)[:, :3]
        gaussian = models.Gaussian(code, jnp.zeros_like(code)) if posterior else None
        noisy = code + jax.random.normal(key, code.shape) if posterior else code
        return models.Output(x, noisy if tells else None, gaussian), state

    def decode(params, state, code, shape):
        pixels = params["scale"] * jnp.concatenate([code, code], axis=1)
        return pixels.reshape(-1, *shape)

    return models.Model(init, apply, decode=decode if decodes else None)


def state_of(model):
    return training.init_state(model, sgd(0.1), IMAGES, 0)


def test_samples_are_decoded_standard_normal_draws_as_pixels():
    model = linear(posterior=True)
    samples = jax.jit(training.make_samples(training.Task(model, losses.bce_mean())))(
        state_of(model), IMAGES
    )
    drawn = jax.random.normal(jax.random.key(0), (training.N_SHOWN, 3))
    logits = 2 * np.concatenate([drawn, drawn], axis=1)
    # rtol: a few units in the last place.
    expected = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(samples.reshape(-1, 6), expected, rtol=1e-5)
    assert samples.shape == (training.N_SHOWN, 3, 2)


@pytest.mark.parametrize("lacks", [{"posterior": False}, {"decodes": False}])
def test_a_model_that_does_not_decode_or_draw_codes_has_no_samples(lacks):
    model = linear(**{"posterior": True, **lacks})
    task = training.Task(model, losses.mse())
    assert training.make_samples(task)(state_of(model), IMAGES) is None


@pytest.mark.parametrize("posterior", [False, True])
def test_codes_are_means_where_codes_are_drawn(posterior):
    model = linear(posterior=posterior)
    task = training.Task(model, losses.mse())
    codes = training.make_codes(task)(state_of(model), IMAGES)
    np.testing.assert_array_equal(codes, 2 * IMAGES.reshape(12, -1)[:, :3])


def test_a_model_that_does_not_tell_has_no_codes():
    model = linear(tells=False)
    task = training.Task(model, losses.mse())
    assert training.make_codes(task)(state_of(model), IMAGES) is None


def test_the_plane_of_two_numbers_is_their_own():
    codes = np.random.default_rng(0).normal(size=(9, 2))
    assert project_to_plane(codes) is codes


def test_the_plane_of_more_is_that_of_the_covariances_first_eigenvectors():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(50, 4)) * np.array([1.0, 5.0, 0.1, 2.0])
    points = project_to_plane(codes)
    values, vectors = np.linalg.eigh(np.cov(codes.T, bias=True))
    first = vectors[:, ::-1][:, :2]
    first = first * np.sign(np.take_along_axis(first, np.abs(first).argmax(0)[None], 0))
    # rtol: two roads to the same eigenvectors, in float64.
    np.testing.assert_allclose(points, (codes - codes.mean(0)) @ first, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(points.var(axis=0), values[::-1][:2], rtol=1e-9)


@pytest.mark.parametrize(
    "codes",
    [np.zeros((5, 1)), np.full((5, 3), np.nan), np.zeros((5, 3, 2)), np.zeros((1, 3))],
    ids=["narrow", "not finite", "maps", "one image"],
)
def test_there_is_no_plane_without_two_directions(codes):
    assert project_to_plane(codes) is None


def test_pictures_leave_out_what_there_is_none_of():
    one = np.zeros((2, 3, 2), np.float32)
    assert set(training.pictures(training.Reconstructions(one, one), None, None)) == {
        "inputs",
        "reconstructions",
    }
    codes = np.random.default_rng(0).normal(size=(9, 5))
    full = training.pictures(training.Reconstructions(one, one), one, codes)
    assert full["codes"].shape == (9, 2)
    assert full["code_width"] == 5
    assert full["samples"].shape == (2, 3, 2)
