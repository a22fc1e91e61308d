"""Bytes, vectors and labels, from the data set to the end of a run."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax
from ae_optax.lab import corruptions, data, losses, metrics, models, training

SETTINGS = training.Settings(epochs=2, batch_size=7)
LINEAR = models.mlp_autoencoder([5], 2, output="linear")


def fit(dataset, model=LINEAR, loss=None, **parts):
    task = training.Task(model, loss or losses.mse(), dataset, **parts)
    return training.fit(task, ae_optax.adam(1e-2), SETTINGS)


@pytest.mark.parametrize("white", [255, 16, 3, 254.7])
def test_every_byte_becomes_in_the_step_what_it_is_in_the_data_set(white):
    every = np.arange(256, dtype=np.uint8)
    bytes_ = data.from_arrays(every[every <= white].reshape(-1, 1, 1), white=white, test=1)
    found = jax.jit(training.make_values(bytes_))(every)
    np.testing.assert_array_equal(found, bytes_.table)
    np.testing.assert_array_equal(found, every / np.float32(white))
    values = jnp.asarray([0.3])
    assert training.make_values(bytes_)(values) is values


def test_a_run_on_bytes_gives_the_bits_of_one_on_numbers():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 4, 3), dtype=np.uint8)
    bytes_ = data.from_arrays(pixels)
    numbers = data.from_arrays(pixels / np.float32(255))
    assert (bytes_.stored.train.dtype, numbers.stored.train.dtype) == (np.uint8, np.float32)
    noise = corruptions.gaussian_noise(0.1)
    first, second = (
        fit(dataset, models.mlp_autoencoder([5], 2), corruption=noise, metrics=[metrics.psnr()])
        for dataset in (bytes_, numbers)
    )
    chex.assert_trees_all_equal(first.state.params, second.state.params)
    for a, b in zip(first.rows, second.rows, strict=True):
        assert dataclasses.replace(a, seconds=0) == dataclasses.replace(b, seconds=0)


def test_vectors_of_any_numbers_can_be_trained_on():
    hidden = np.random.default_rng(0).normal(size=(300, 2))
    vectors = 100 * hidden @ [[1, 2, 0, 4], [0, 1, -3, 1]] + 1000
    dataset = data.from_arrays(vectors, standardize="whole")
    noise = corruptions.gaussian_noise(0.1)
    result = fit(dataset, corruption=noise, metrics=[metrics.mse()])
    assert result.rows[-1].test_loss < result.rows[0].test_loss
    task = training.Task(LINEAR, losses.mse(), dataset)
    seen = training.pictures_of(task, result.state)
    assert seen["originals"].shape == seen["reconstructions"].shape == (10, 4)


def test_what_is_of_numbers_in_the_unit_interval_is_no_use_for_others():
    vectors = data.from_arrays(np.random.default_rng(0).normal(size=(30, 4)))
    found = "the vectors of arrays hold numbers from -"
    with pytest.raises(ValueError, match=f"`model` squashes its output into .*, and {found}"):
        fit(vectors, models.mlp_autoencoder([5], 2))
    with pytest.raises(ValueError, match=rf"`loss` is of numbers in \[0, 1\], and {found}"):
        fit(vectors, loss=losses.bce_mean())
    binary = data.from_arrays(np.random.default_rng(0).integers(0, 2, (30, 4)))
    assert fit(binary, loss=losses.bce_mean()).status == "done"


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("psnr", {"metrics": [metrics.psnr()]}),
        ("input_psnr", {"metrics": [metrics.input_psnr()]}),
        ("ssim", {"metrics": [metrics.ssim()]}),
        ("salt_and_pepper", {"corruption": corruptions.salt_and_pepper(0.1)}),
        ("knockout_block", {"corruption": corruptions.knockout_block(0.1)}),
        ("blur", {"corruption": corruptions.blur(1.0)}),
        ("`model`", {"model": models.conv_autoencoder([2], 3)}),
        ("`model`", {"model": models.conv_encoder_decoder([2, 2], skips=1)}),
    ],
)
def test_what_is_of_images_is_no_use_for_vectors(what, parts):
    vectors = data.from_arrays(np.random.default_rng(0).uniform(size=(30, 4)))
    with pytest.raises(ValueError, match=f"^{what} is of images .* vectors have no height"):
        fit(vectors, **parts)


def test_images_that_were_divided_lie_in_the_memory_of_a_cpu_once():
    images = data.from_arrays(np.zeros((50, 9, 9), np.uint8))
    placed = training.on_device(images)
    for part, stored in zip(placed[:3], images.stored, strict=True):
        assert part.unsafe_buffer_pointer() == stored.ctypes.data
