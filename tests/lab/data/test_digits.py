"""The embedded digits: their content, their split, and a damaged file."""

import shutil

import numpy as np
import pytest

from ae_optax.lab.data import DataError, check_images, digits, fingerprint
from ae_optax.lab.data._digits import FILE, read_digits


def test_splits_the_1797_images():
    data = digits()
    assert [len(split) for split in data.splits] == [1257, 180, 360]
    for split in data.splits:
        assert split.shape[1:] == (8, 8)
        check_images(split, name=data.name)
    assert data.name == "digits"
    assert data.source == str(FILE)


def test_attribution_names_authors_title_doi_and_licence():
    for part in ("Alpaydin", "Kaynak", "Optical Recognition", "10.24432/C50P49", "CC BY 4.0"):
        assert part in digits().attribution


def test_pixels_are_sixteenths_up_to_one():
    images = np.concatenate(digits().splits)
    np.testing.assert_array_equal(np.unique(images), np.arange(17, dtype=np.float32) / 16)


def test_first_image_of_the_original_file_is_the_zero():
    # As printed in scikit-learn's documentation of load_digits.
    zero = [
        [0, 0, 5, 13, 9, 1, 0, 0],
        [0, 0, 13, 15, 10, 15, 5, 0],
        [0, 3, 15, 2, 0, 11, 8, 0],
        [0, 4, 12, 0, 0, 8, 8, 0],
        [0, 5, 8, 0, 0, 9, 8, 0],
        [0, 4, 11, 0, 1, 12, 7, 0],
        [0, 2, 14, 5, 10, 12, 0, 0],
        [0, 0, 6, 13, 10, 0, 0, 0],
    ]
    with np.load(FILE) as archive:
        np.testing.assert_array_equal(archive["images"][0], zero)
        assert archive["labels"][0] == 0


def test_each_image_of_the_file_is_in_exactly_one_split():
    with np.load(FILE) as archive:
        np.testing.assert_array_equal(np.sort(archive["order"]), np.arange(1797))
        images = archive["images"]
    splits = (np.concatenate(digits().splits) * 16).astype(np.uint8)
    assert sorted(map(bytes, splits)) == sorted(map(bytes, images))


def test_every_split_holds_every_digit():
    with np.load(FILE) as archive:
        labels = archive["labels"][archive["order"]]
    for split in np.split(labels, [1257, 1437]):
        counts = np.bincount(split, minlength=10)
        assert counts.min() >= 0.06 * len(split)  # A tenth each, give or take the draw.


def test_the_split_is_the_one_of_earlier_versions():
    # Published numbers hold for this split; it may not change between versions.
    assert fingerprint(*digits().splits) == (
        "5bda3a587cc05afca52f303bccb50fec8c80542bb1bb4edb98e4f30e61827002"
    )


def test_test_images_do_not_depend_on_the_number_of_validation_images():
    np.testing.assert_array_equal(digits(validation=0).test, digits(validation=900).test)


def test_validation_may_be_empty():
    data = digits(validation=0)
    assert data.validation.shape == (0, 8, 8)
    assert data.validation.dtype == np.float32
    assert len(data.train) == 1437


def test_the_fingerprint_tells_splits_apart():
    assert digits(validation=0).fingerprint != digits().fingerprint


def test_one_training_image_may_be_left():
    assert len(digits(validation=1436, test=360).train) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation": -1}, "`validation` must lie in [0, 1437), got -1."),
        ({"validation": 1437}, "`validation` must lie in [0, 1437), got 1437."),
        ({"test": 0}, "`test` must lie in [1, 1797), got 0."),
        ({"test": 1797}, "`test` must lie in [1, 1797), got 1797."),
    ],
)
def test_rejects_splits_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        digits(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["validation", "test"])
@pytest.mark.parametrize("value", [0.1, True, "180", None])
def test_rejects_counts_that_are_no_integers(name, value):
    with pytest.raises(TypeError) as caught:
        digits(**{name: value})
    assert str(caught.value) == f"`{name}` must be an integer, got {value!r}."


def test_accepts_an_integer_from_numpy():
    assert len(digits(validation=np.int64(7)).validation) == 7


def test_notices_a_changed_pixel(tmp_path):
    with np.load(FILE) as archive:
        arrays = dict(archive)
    arrays["images"][1000, 4, 4] ^= 1
    file = tmp_path / "digits.npz"
    np.savez_compressed(file, **arrays)
    with pytest.raises(DataError) as caught:
        read_digits(file)
    assert str(caught.value) == f"{file}: wrong checksum; install the package again."


@pytest.mark.parametrize("keep", [0, 1, 100, 20000, -1])
def test_notices_a_truncated_file(tmp_path, keep):
    file = tmp_path / "digits.npz"
    file.write_bytes(FILE.read_bytes()[:keep])
    with pytest.raises(DataError) as caught:
        read_digits(file)
    assert str(caught.value).startswith(f"{file}: cannot be read as an npz file: ")


@pytest.mark.parametrize("position", range(0, 48000, 3000))
def test_a_damaged_byte_never_gives_other_images(tmp_path, position):
    file = tmp_path / "digits.npz"
    content = bytearray(FILE.read_bytes())
    content[position] ^= 0xFF
    file.write_bytes(content)
    try:
        images, _ = read_digits(file)  # Some bytes of an archive are not read by anyone.
    except DataError as error:
        assert str(error).startswith(f"{file}: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(images, read_digits(FILE)[0])


def test_notices_a_missing_array(tmp_path):
    file = tmp_path / "digits.npz"
    np.savez(file, images=np.zeros(3))
    with pytest.raises(DataError, match="labels"):
        read_digits(file)


def test_notices_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_digits(tmp_path / "digits.npz")


def test_never_runs_code_from_a_file(tmp_path):
    file = tmp_path / "digits.npz"
    np.savez(file, images=np.array([{}], object), labels=0, order=0)
    with pytest.raises(DataError, match="pickle"):
        read_digits(file)


def test_a_copy_of_the_file_will_do(tmp_path):
    copy = shutil.copy(FILE, tmp_path / "copy.npz")
    for found, wanted in zip(read_digits(copy), read_digits(FILE), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_labels_go_with_their_images():
    data = digits(validation=100, test=50)
    with np.load(FILE) as archive:
        by_image = dict(zip(map(bytes, archive["images"]), archive["labels"], strict=True))
    assert data.labels is not None
    for images, labels in zip(data.stored, data.labels.of, strict=True):
        assert [by_image[bytes(image)] for image in images] == labels.tolist()
    assert data.labels.classes == tuple("0123456789")


def test_images_are_kept_as_bytes_and_seen_as_numbers():
    data = digits()
    assert {part.dtype for part in data.stored} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(data.test, data.stored.test / np.float32(16))
    np.testing.assert_array_equal(data.first(3, "train"), data.train[:3])
    np.testing.assert_array_equal(data.evenly(4), data.stored.test[[0, 120, 239, 359]])
    assert len(data.evenly(1000)) == 360
    np.testing.assert_array_equal(data.scaling.invert(data.test), data.stored.test)
    assert repr(data) == (
        "<Dataset digits: 1257 train, 180 validation, 360 test, images of 8×8, 10 classes>"
    )
