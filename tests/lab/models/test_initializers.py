import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.lab import models

N, M = 400, 300


@functools.cache
def first_layer(initializer):
    model = models.mlp_autoencoder([M], 2, initializer=initializer)
    params, _ = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 20, 20)))
    return {name: np.asarray(value) for name, value in params["encoder"][0].items()}


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("glorot_uniform", 2 / (N + M)),
        ("he_normal", 2 / N),
        ("lecun_normal", 1 / N),
        ("pytorch", 1 / (3 * N)),
        ("sparse", 15 / N),
    ],
)
def test_kernels_have_the_variance_of_their_name(initializer, variance):
    kernel = first_layer(initializer)["kernel"]
    # 120,000 draws: the variance is known to half a percent; 4,500 for the sparse one.
    assert kernel.var() == pytest.approx(variance, rel=0.07 if initializer == "sparse" else 0.02)
    assert abs(kernel.mean()) < 5 * np.sqrt(variance / kernel.size)


def test_pytorch_draws_kernels_and_biases_within_one_over_the_root_of_the_connections():
    layer = first_layer("pytorch")
    for values in layer.values():
        assert np.abs(values).max() <= 1 / np.sqrt(N)
        assert np.abs(values).max() > 0.97 / np.sqrt(N)
    assert layer["bias"].var() == pytest.approx(1 / (3 * N), rel=0.2)


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "lecun_normal", "sparse"])
def test_other_biases_start_at_zero(initializer):
    assert not first_layer(initializer)["bias"].any()


def test_sparse_connects_every_unit_to_fifteen_others_at_random():
    kernel = first_layer("sparse")["kernel"]
    assert set((kernel != 0).sum(axis=0)) == {15}
    assert len({tuple(np.flatnonzero(column)) for column in kernel.T}) == M
    assert kernel[kernel != 0].std() == pytest.approx(1, rel=0.05)


def test_sparse_connects_a_unit_of_few_inputs_to_all():
    model = models.mlp_autoencoder([5], 2, initializer="sparse")
    params, _ = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 2, 2)))
    assert np.all(np.asarray(params["encoder"][0]["kernel"]) != 0)


@pytest.mark.parametrize("initializer", ["pytorch", "sparse"])
def test_the_connections_of_a_convolution_are_all_pixels_of_its_window(initializer):
    model = models.conv_autoencoder([8, 40], 2, initializer=initializer)
    params, _ = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 8, 8)))
    kernel, bias = (np.asarray(params["encoder"][1][k]) for k in ("kernel", "bias"))
    assert kernel.shape == (3, 3, 8, 40)
    if initializer == "sparse":
        assert set((kernel != 0).sum(axis=(0, 1, 2))) == {15}
    else:
        for values in (kernel, bias):
            assert 0.9 / np.sqrt(72) < np.abs(values).max() <= 1 / np.sqrt(72)
