"""Principal components reconstruct images as the singular value decomposition does."""

import numpy as np
import pytest

from ae_optax.lab.study import pca


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(50, 3, 4)) * np.linspace(0.1, 1, 4)


def test_its_error_is_what_the_singular_values_left_out_say(images):
    flat = images.reshape(50, 12)
    singular = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)
    error = np.sum((pca(images, 5)(images) - images) ** 2)
    np.testing.assert_allclose(error, np.sum(singular[5:] ** 2), rtol=1e-10)


def test_images_it_did_not_see_keep_their_mean_and_their_part_in_the_span(images):
    reconstruct = pca(images, 2)
    once = reconstruct(1 - images[:3])
    np.testing.assert_allclose(reconstruct(once), once, atol=1e-12)
    middle = images.mean(axis=0, keepdims=True)
    np.testing.assert_allclose(reconstruct(middle), middle, atol=1e-12)


def test_all_components_lose_nothing(images):
    np.testing.assert_allclose(pca(images, 12)(1 - images), 1 - images, atol=1e-12)


def test_more_components_than_pixels_are_refused(images):
    message = "`components` must be at most the number of pixels, 12, got 13."
    with pytest.raises(ValueError, match=message):
        pca(images, 13)


@pytest.mark.parametrize(("components", "error"), [(0, ValueError), (2.0, TypeError)])
def test_a_width_that_is_no_count_is_refused(images, components, error):
    with pytest.raises(error, match="`components` must be"):
        pca(images, components)
