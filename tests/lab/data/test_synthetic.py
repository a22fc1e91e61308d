"""Synthetic images: their range, their spectrum, and the errors they promise."""

import numpy as np
import pytest

from ae_optax.lab.data import DataError, check_images, synthetic, synthetic_error

PROCESSES = [
    {},
    {"noise": 0.05},
    {"curvature": 0, "factors": 6},
    {"size": 5, "factors": 2, "curvature": 1.5},
]


def rows(images):
    return images.reshape(len(images), -1).astype(np.float64)


@pytest.mark.parametrize("process", PROCESSES)
def test_principal_components_reach_the_known_error(process):
    train = rows(synthetic(20000, **process, test=1, validation=0).train)
    left = np.linalg.eigvalsh(np.cov(train.T))[::-1]
    for codes in range(6):
        # rtol: 20000 images tell a variance to about one in a hundred.
        np.testing.assert_allclose(
            left[codes:].sum() / train.shape[1],
            synthetic_error(codes, **process),
            rtol=0.03,
            atol=1e-10,
        )


@pytest.mark.parametrize("process", [*PROCESSES, {"noise": 0.28}])
def test_pixels_fill_the_unit_interval_and_stay_inside(process):
    images = synthetic(5000, **process).train
    check_images(images, name="synthetic")
    assert images.max() - images.min() > 0.6
    assert np.mean((images == 0) | (images == 1)) < 1e-3


def test_without_curvature_and_noise_as_many_codes_as_factors_lose_nothing():
    assert synthetic_error(4, curvature=0) == 0
    assert synthetic_error(3, curvature=0) > 1e-4
    images = rows(synthetic(500, curvature=0).train)
    singular = np.linalg.svd(images - images.mean(0), compute_uv=False)
    assert singular[3] > 100 * singular[4]


def test_curvature_needs_twice_as_many_linear_codes():
    assert synthetic_error(8, curvature=0.5) == 0
    assert synthetic_error(4, curvature=0.5) > 1e-4
    assert synthetic_error(64, noise=0.1) == 0
    assert synthetic_error(63, noise=0.1) == pytest.approx(0.1**2 / 64)


def test_the_images_are_those_of_earlier_versions():
    # Published numbers hold for them, and on every machine.
    assert synthetic(100, noise=0.01).fingerprint == (
        "1fd07bf55103ff625eef00c0d0712edfaf3371a73a0bec3c399e9bde0d6d3af7"
    )


def test_the_seed_changes_everything_and_the_counts_only_the_split():
    assert synthetic(50).fingerprint == synthetic(50).fingerprint
    assert synthetic(50, seed=1).fingerprint != synthetic(50).fingerprint
    data = synthetic(50, validation=7, test=13)
    assert list(map(len, data.splits)) == [30, 7, 13]
    assert data.train.shape == (30, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"count": 0}, ValueError, "`count` must be at least 1"),
        ({"count": 2.5}, TypeError, "`count` must be an integer"),
        ({"size": 0}, ValueError, "`size` must be at least 1"),
        ({"factors": 0}, ValueError, "`factors` must be at least 1"),
        ({"factors": 32}, ValueError, "fewer than half the pixels, size² = 64, got 32."),
        ({"curvature": -1}, ValueError, "`curvature` must be at least 0"),
        ({"noise": -0.1}, ValueError, "`noise` must"),
        ({"noise": 0.29}, ValueError, "`noise` must be at most 0.28, got 0.29."),
        ({"count": 1}, DataError, "synthetic: one image at least must be left for training"),
        ({"seed": -1}, ValueError, "`seed` must lie in"),
    ],
)
def test_every_raise(arguments, error, message):
    with pytest.raises(error) as caught:
        synthetic(**arguments)
    assert message in str(caught.value)


def test_every_raise_of_the_error():
    with pytest.raises(ValueError, match="`codes` must be at least 1"):
        synthetic_error(-1)
    with pytest.raises(TypeError, match="`codes` must be an integer"):
        synthetic_error(1.5)  # pyright: ignore
