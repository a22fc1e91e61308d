import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from ae_optax.lab import corruptions

KEY = jax.random.key(0)
GREY = np.random.default_rng(0).uniform(0.1, 0.9, size=(40, 12, 16)).astype(np.float32)
COLOUR = np.random.default_rng(1).uniform(0.1, 0.9, size=(40, 12, 16, 3)).astype(np.float32)

ALL = {
    "blur": lambda s: corruptions.blur(s, radius=4),
    "clean": lambda _: corruptions.clean(),
    "gaussian_noise": corruptions.gaussian_noise,
    "knockout": corruptions.knockout,
    "knockout_block": corruptions.knockout_block,
    "mixture": lambda s: corruptions.mixture([corruptions.clean(), corruptions.knockout(s)]),
    "salt_and_pepper": corruptions.salt_and_pepper,
}


@functools.cache
def corrupted(name, images, strength=0.3):
    """Return images corrupted by a compiled program into which the strength is traced."""
    run = jax.jit(lambda strength, key, images: ALL[name](strength)(key, images))
    return np.asarray(run(jnp.float32(strength), KEY, {"grey": GREY, "colour": COLOUR}[images]))


@pytest.mark.parametrize("name", ALL)
def test_strength_zero_leaves_images_as_they_are(name):
    np.testing.assert_allclose(corrupted(name, "grey", 0.0), GREY, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "knockout", "knockout_block", "salt_and_pepper"]
)
def test_every_image_has_draws_of_its_own_and_the_key_decides_them(name):
    same = np.repeat(GREY[:1], 20, axis=0)
    corrupt = ALL[name](0.3)
    first, again, other = (np.asarray(corrupt(jax.random.key(k), same)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert len({image.tobytes() for image in first}) > 10


@pytest.mark.parametrize(("kind", "axes"), [("grey", ()), ("colour", (-1,))])
def test_salt_and_pepper_hits_its_share_of_pixels_half_black_half_white(kind, axes):
    out = corrupted("salt_and_pepper", kind)
    black, white = ((out == end).all(axis=axes) for end in (0, 1))
    pixels = black.size
    assert pixels == GREY.size
    error = 4 * np.sqrt(0.15 * 0.85 / pixels)
    assert abs(black.mean() - 0.15) < error
    assert abs(white.mean() - 0.15) < error
    images = {"grey": GREY, "colour": COLOUR}[kind]
    rest = ~(black | white)
    np.testing.assert_array_equal(out[rest], images[rest])  # All channels at once, or none.


@pytest.mark.parametrize(("kind", "axes"), [("grey", ()), ("colour", (-1,))])
def test_knockout_hits_its_share_of_pixels(kind, axes):
    out = corrupted("knockout", kind)
    black = (out == 0).all(axis=axes)
    assert abs(black.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / black.size)
    images = {"grey": GREY, "colour": COLOUR}[kind]
    np.testing.assert_array_equal(out[~black], images[~black])


def test_a_block_is_one_rectangle_of_the_right_sides_anywhere_in_the_image():
    out = corrupted("knockout_block", "colour", 0.25)
    corners = set()
    for image, before in zip(out, COLOUR, strict=True):
        black = (image == 0).all(axis=-1)
        (rows, columns) = (np.flatnonzero(black.any(axis=axis)) for axis in (1, 0))
        assert (len(rows), len(columns)) == (6, 8)
        assert black.sum() == 48
        assert rows[-1] - rows[0] == 5
        corners.add((rows[0], columns[0]))
        np.testing.assert_array_equal(image[~black], before[~black])
    assert {row for row, _ in corners} == set(range(7))
    assert {0, 8} <= {column for _, column in corners}


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(("sigma", "radius"), [(0.8, None), (2.0, 20)])
def test_blur_is_that_of_scipy(images, sigma, radius):
    out = corruptions.blur(sigma, radius=radius)(KEY, images)
    sigmas = (0, sigma, sigma, 0)[: images.ndim]
    radii = int(np.ceil(4 * sigma)) if radius is None else radius
    expected = ndimage.gaussian_filter(
        images.astype(float), sigmas, mode="reflect", radius=(0, radii, radii, 0)[: images.ndim]
    )
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_blur_keeps_constant_images_and_the_mean_of_all():
    constant = np.full((2, 5, 7), 0.6, np.float32)
    np.testing.assert_allclose(corruptions.blur(1.5)(KEY, constant), constant, rtol=1e-6)
    out = np.asarray(corruptions.blur(1.5)(KEY, GREY))
    np.testing.assert_allclose(out.mean(axis=(1, 2)), GREY.mean(axis=(1, 2)), rtol=1e-5)


def test_gaussian_noise_has_its_deviation():
    grey = jnp.full((20, 30, 30), 0.5)
    noise = np.asarray(corruptions.gaussian_noise(0.05)(KEY, grey)) - 0.5
    assert noise.std() == pytest.approx(0.05, rel=0.03)
    assert abs(noise.mean()) < 4 * 0.05 / np.sqrt(noise.size)


def test_a_mixture_draws_one_corruption_for_each_image_by_its_probability():
    def paint(value):
        return corruptions.Corruption(lambda _, images: jnp.full_like(images, value))

    images = jnp.full((4000, 2, 2), 0.5)
    mixed = corruptions.mixture(
        [corruptions.clean(), paint(0.0), paint(1.0), paint(0.25)],
        probabilities=[0.5, 0.3, 0.2, 0.0],
    )
    out = np.asarray(mixed(KEY, images))
    assert np.all(out == out[:, :1, :1])
    shares = [np.mean(out[:, 0, 0] == value) for value in (0.5, 0.0, 1.0, 0.25)]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2, 0.0], atol=0.032)  # Four deviations.
    assert shares[3] == 0


def test_a_mixture_of_one_is_that_one():
    (black,) = {0.0, *np.ravel(corruptions.mixture([corruptions.knockout(1.0)])(KEY, GREY))}
    assert black == 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: corruptions.salt_and_pepper(1.5), ValueError, r"`strength` must lie in \[0, 1\]"),
        (lambda: corruptions.salt_and_pepper("x"), TypeError, "`strength` must be a number"),
        (lambda: corruptions.knockout(-0.1), ValueError, r"`strength` must lie in \[0, 1\]"),
        (lambda: corruptions.knockout_block(2), ValueError, r"`strength` must lie in \[0, 1\]"),
        (lambda: corruptions.gaussian_noise(-1), ValueError, "`strength` must be at least 0"),
        (lambda: corruptions.blur(-1), ValueError, "`strength` must be at least 0"),
        (lambda: corruptions.blur(1, radius=0), ValueError, "`radius` must be at least 1"),
        (lambda: corruptions.blur(1, radius=1.5), TypeError, "`radius` must be an integer"),
        (lambda: corruptions.blur(jnp.float32(1)), ValueError, "`radius` must be given where"),
        (lambda: corruptions.mixture([]), ValueError, "`corruptions` must have at least one"),
        (
            lambda: corruptions.mixture([corruptions.clean()], probabilities=[0.5, 0.5]),
            ValueError,
            "`probabilities` must be as many as the 1 corruptions, got 2",
        ),
        (
            lambda: corruptions.mixture([corruptions.clean()], probabilities=[0.5]),
            ValueError,
            "`probabilities` must sum to 1, got 0.5",
        ),
        (
            lambda: corruptions.mixture([corruptions.clean()], probabilities=[-1.0]),
            ValueError,
            r"`probabilities\[0\]` must lie in \[0, 1\]",
        ),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
