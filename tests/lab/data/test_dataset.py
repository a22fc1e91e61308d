"""The checks that any images must pass, and the fingerprint that names them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ae_optax.lab.data import DataError, check_images, check_values, fingerprint

KINDS = "(n, height, width) or (n, height, width, channels)"


def images(**pixels):
    array = np.full((2, 3, 4), 0.5, np.float32)
    for value in pixels.values():
        array[1, 2, 3] = value
    return array


def test_a_data_error_is_a_value_error():
    assert issubclass(DataError, ValueError)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, -0.0])
def test_accepts_every_value_of_the_closed_interval(value):
    check_images(images(pixel=value), name="mine")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rejects_pixels_that_are_not_finite(value):
    with pytest.raises(DataError) as caught:
        check_images(images(pixel=value), name="mine.npy")
    where = f"got {value} at image 1, row 2, column 3"
    assert str(caught.value) == f"mine.npy: pixels must be finite, {where}."


@pytest.mark.parametrize("value", [-0.25, 1.5, 255.0, np.nextafter(np.float32(1), np.float32(2))])
def test_rejects_pixels_outside_the_unit_interval(value):
    with pytest.raises(DataError) as caught:
        check_images(images(pixel=value), name="mine.npy")
    where = f"got {np.float32(value)} at image 1, row 2, column 3"
    assert str(caught.value).startswith(f"mine.npy: pixels must lie in [0, 1], {where}.")


def test_images_may_have_channels():
    colours = np.zeros((2, 3, 4, 3), np.float32)
    check_images(colours, name="mine")
    colours[1, 2, 3, 1] = 2
    with pytest.raises(DataError) as caught:
        check_images(colours, name="mine.npy")
    assert str(caught.value).startswith(
        "mine.npy: pixels must lie in [0, 1], got 2.0 at image 1, row 2, column 3, channel 1."
    )


@pytest.mark.parametrize(
    ("low", "high", "way_out"),
    [
        (-1, 1, "If they are meant to lie in [-1, 1], say `black: -1`."),
        (0, 255, "If they are meant to lie in [0, 255], say `white: 255`."),
        (-3, 3, "got -3.0 at image 0, row 0, column 0."),
    ],
)
def test_names_the_scaling_that_pixels_may_need(low, high, way_out):
    pixels = np.linspace(low, high, 24, dtype=np.float32).reshape(2, 3, 4)
    with pytest.raises(DataError) as caught:
        check_images(pixels, name="mine")
    assert str(caught.value).endswith(way_out)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_must_come_last(channels):
    check_images(np.zeros((2, 8, 9, channels), np.float32), name="mine")
    check_images(np.zeros((2, channels, 9, 4), np.float32), name="mine")
    with pytest.raises(DataError) as caught:
        check_images(np.zeros((2, channels, 8, 9), np.float32), name="mine")
    assert str(caught.value) == (
        f"mine: images must have their channels last, got shape (2, {channels}, 8, 9), which is "
        "(n, channels, height, width): `images.transpose(0, 2, 3, 1)`."
    )


def test_vectors_may_hold_any_finite_numbers():
    vectors = np.asarray([[-1e30, 0], [3, 1e30]], np.float32)
    check_values(vectors, name="mine")
    vectors[1, 0] = np.nan
    with pytest.raises(DataError) as caught:
        check_values(vectors, name="mine")
    assert str(caught.value) == "mine: numbers must be finite, got nan at vector 1, feature 0."
    for bad, reason in ((vectors.astype(float), "be float32"), (vectors[:0], "hold at least one")):
        with pytest.raises(DataError, match=f"mine: vectors must {reason}"):
            check_values(bad, name="mine")


def test_names_a_pixel_that_is_not_finite_before_one_outside():
    array = images(pixel=np.nan)
    array[0, 0, 0] = 7
    with pytest.raises(DataError, match="must be finite, got nan at image 1"):
        check_images(array, name="mine")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        ([[[0.5]]], "images must be a NumPy array, got list."),
        (None, "images must be a NumPy array, got NoneType."),
        (np.zeros((2, 3, 4), np.uint8), "images must be float32 in [0, 1], got uint8."),
        (np.zeros((2, 3, 4)), "images must be float32 in [0, 1], got float64."),
        (
            np.zeros((2, 3), np.float32),
            f"images must be {KINDS}, got shape (2, 3).",
        ),
        (
            np.zeros((2, 3, 4, 1, 1), np.float32),
            f"images must be {KINDS}, got shape (2, 3, 4, 1, 1).",
        ),
        (
            np.zeros((0, 3, 4), np.float32),
            "images must hold at least one pixel, got shape (0, 3, 4).",
        ),
        (
            np.zeros((2, 0, 4), np.float32),
            "images must hold at least one pixel, got shape (2, 0, 4).",
        ),
    ],
)
def test_rejects_arrays_of_another_kind(array, reason):
    with pytest.raises(DataError) as caught:
        check_images(array, name="mine")
    assert str(caught.value) == f"mine: {reason}"


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=4, max_side=4),
        elements=st.floats(width=32),
    )
)
def test_rejects_exactly_the_arrays_with_a_pixel_outside(array):
    good = all(0 <= pixel <= 1 for pixel in array.flat)
    try:
        check_images(array, name="mine")
    except DataError:
        assert not good
    else:
        assert good


def test_fingerprint_is_the_one_of_earlier_versions():
    # Runs record it: to change it makes every earlier run one on "other data".
    array = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    assert fingerprint(array, array[:0]) == (
        "dd616175a2475d0a32f260f814311dedc71cb4aa69067f78d9df599e3152e628"
    )


def test_fingerprint_depends_on_dtype_shape_order_and_every_value():
    a, b = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    touched = a.copy()
    touched[1, 2] = 1e-30
    different = [
        fingerprint(a, b),
        fingerprint(b, a),
        fingerprint(a),
        fingerprint(a, a),
        fingerprint(a.astype(np.int32)),
        fingerprint(a.reshape(3, 2)),
        fingerprint(touched),
        fingerprint(a, a[:0]),
        fingerprint(a, a[:, :0]),
        fingerprint(),
    ]
    assert len(set(different)) == len(different)


def test_fingerprint_ignores_how_the_array_lies_in_memory():
    array = np.random.default_rng(0).random((4, 5, 6), np.float32)
    assert fingerprint(np.asfortranarray(array)) == fingerprint(array)
    assert fingerprint(array[::2]) == fingerprint(array[::2].copy())
