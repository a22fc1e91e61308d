"""MNIST and Fashion-MNIST: where they are found, what is read, and what is refused.

Small idx files stand for the real ones; their own checksums come with them. The real ones are
tested where the variable AE_OPTAX_DATA tells where they are.
"""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from ae_optax.lab.data import (
    DataError,
    _mnist,
    _places,
    check_images,
    fashion_mnist,
    mnist,
)
from ae_optax.lab.data._idx import header
from ae_optax.lab.data._mnist import FASHION_MNIST, MNIST, load, read, verify

GIVEN = os.environ.get("AE_OPTAX_DATA")
REAL = Path(GIVEN).expanduser().resolve() if GIVEN else None
needs_real_data = pytest.mark.skipif(
    REAL is None or not all((REAL / name).is_dir() for name in ("mnist", "fashion_mnist")),
    reason="AE_OPTAX_DATA names no folder with mnist/ and fashion_mnist/",
)

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
LABELS = np.arange(10, dtype=np.uint8), np.arange(9, 4, -1, dtype=np.uint8)


def pictures(count, *, seed, size=(3, 4)):
    return np.random.default_rng(seed).integers(0, 256, (count, *size), dtype=np.uint8)


def idx(images):
    return header(images) + images.tobytes()


def small(recipe):
    """Return images, and the recipe of a set that consists of them."""
    seed = len(recipe.name)
    train, test = pictures(10, seed=seed), pictures(5, seed=seed + 1)
    checksums, label_checksums = (
        tuple(hashlib.md5(idx(part)).hexdigest() for part in parts)
        for parts in ((train, test), LABELS)
    )
    recipe = recipe._replace(count=10, checksums=checksums, label_checksums=label_checksums)
    return train, test, recipe


MNIST_TRAIN, MNIST_TEST, SMALL_MNIST = small(MNIST)
FASHION_TRAIN, FASHION_TEST, SMALL_FASHION = small(FASHION_MNIST)


def put(folder, *, train=MNIST_TRAIN, test=MNIST_TEST, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    pack = gzip.compress if suffix else bytes
    for stem, images in ((TRAIN, train), (TEST, test)):
        (folder / f"{stem}{suffix}").write_bytes(pack(idx(images)))
    return folder


def put_fashion(folder, **options):
    return put(folder, train=FASHION_TRAIN, test=FASHION_TEST, **options)


def put_npz(file, train=MNIST_TRAIN, test=MNIST_TEST):
    file.parent.mkdir(parents=True, exist_ok=True)
    labels = dict(zip(("y_train", "y_test"), LABELS, strict=True))
    np.savez(file, x_train=train, x_test=test, **labels)
    return file


def load_small(path=None, *, recipe=SMALL_MNIST, train=None, validation=3):
    return load(recipe, path=path, train=train, validation=validation)


@pytest.fixture(autouse=True)
def nothing_lies_around(tmp_path, monkeypatch):
    """Hide the machine's own copies: the home and the working folder are empty ones."""
    monkeypatch.delenv("AE_OPTAX_DATA", raising=False)
    for name in ("home", "cwd", "usr"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "cwd")
    roots = [root.replace("/usr", str(tmp_path / "usr")) for root in _places.ROOTS]
    monkeypatch.setattr(_places, "ROOTS", roots)


# Reading and splitting.


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_validation_images_are_the_last_training_images(tmp_path, suffix):
    folder = put(tmp_path / "mnist", suffix=suffix)
    data = load_small(tmp_path)
    np.testing.assert_array_equal(data.train, MNIST_TRAIN[:7] / np.float32(255))
    np.testing.assert_array_equal(data.validation, MNIST_TRAIN[7:] / np.float32(255))
    np.testing.assert_array_equal(data.test, MNIST_TEST / np.float32(255))
    assert data.name == "mnist"
    assert data.source == str(folder)
    assert data.attribution == MNIST.attribution
    assert data.labels is None
    for split in data.splits:
        check_images(split, name=data.name)


def test_black_is_zero_and_white_is_one(tmp_path):
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    put(tmp_path, train=every, test=every)
    checksum = hashlib.md5(idx(every)).hexdigest()
    recipe = MNIST._replace(count=1, checksums=(checksum, checksum))
    data = load_small(tmp_path, recipe=recipe, validation=0)
    np.testing.assert_array_equal(
        data.test.ravel(), np.arange(256, dtype=np.float32) / np.float32(255)
    )
    assert data.test.max() == 1


def test_validation_may_be_empty(tmp_path):
    data = load_small(put(tmp_path), validation=0)
    assert data.validation.shape == (0, 3, 4)
    assert data.validation.dtype == np.float32
    assert len(data.train) == 10


def put_labels(folder, *, suffix="", labels=LABELS):
    for stem, array in zip(
        ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"), labels, strict=True
    ):
        content = idx(array)
        (folder / f"{stem}{suffix}").write_bytes(gzip.compress(content) if suffix else content)


@pytest.mark.parametrize("form", ["", ".gz", "npz"])
def test_labels_that_lie_beside_the_images_go_with_them(tmp_path, form):
    if form == "npz":
        put_npz(tmp_path / "mnist.npz")
    else:
        put_labels(put(tmp_path / "mnist", suffix=form), suffix=form)
    labels = load_small(tmp_path, train=4).labels
    assert labels is not None
    assert [part.tolist() for part in labels.of] == [[0, 1, 2, 3], [7, 8, 9], [9, 8, 7, 6, 5]]
    assert labels.classes == MNIST.classes


def test_labels_of_other_images_are_refused(tmp_path):
    put_labels(put(tmp_path), labels=(LABELS[0][::-1], LABELS[1]))
    with pytest.raises(DataError, match="wrong checksum: MNIST's training labels have MD5"):
        load_small(tmp_path)
    put_labels(tmp_path, labels=(LABELS[0].reshape(1, 2, 5), LABELS[1]))
    with pytest.raises(DataError, match="wrong magic number 0x00000803, labels have 0x00000801"):
        load_small(tmp_path)


@pytest.mark.parametrize("train", [1, 4, 7])
def test_fewer_training_images_are_the_first_and_change_nothing_else(tmp_path, train):
    folder = put(tmp_path)
    few, all_of_them = load_small(folder, train=train), load_small(folder)
    np.testing.assert_array_equal(few.train, all_of_them.train[:train])
    np.testing.assert_array_equal(few.validation, all_of_them.validation)
    np.testing.assert_array_equal(few.test, all_of_them.test)


@pytest.mark.parametrize("load_it", [mnist, fashion_mnist])
@pytest.mark.parametrize("train", [0, 50001])
def test_rejects_a_number_of_training_images_that_does_not_fit(load_it, train):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        load_it(train=train)
    assert str(caught.value) == f"`train` must lie in [1, 50001), got {train}."


def test_rejects_a_number_of_training_images_that_is_no_integer():
    with pytest.raises(TypeError, match=r"`train` must be an integer, got "):
        mnist(train=0.5)


def test_the_fingerprint_does_not_depend_on_where_and_how_the_files_lie(tmp_path):
    places = [
        put(tmp_path / "a"),
        put(tmp_path / "b", suffix=".gz"),
        put_npz(tmp_path / "mnist.npz"),
    ]
    assert len({load_small(place).fingerprint for place in places}) == 1


@pytest.mark.parametrize("load_it", [mnist, fashion_mnist])
@pytest.mark.parametrize("validation", [-1, 60000])
def test_rejects_a_validation_set_that_does_not_fit(load_it, validation):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        load_it(validation=validation)
    assert str(caught.value) == f"`validation` must lie in [0, 60000), got {validation}."


@pytest.mark.parametrize("value", [0.1, True, "3"])
def test_rejects_a_validation_count_that_is_no_integer(value):
    with pytest.raises(TypeError, match=r"`validation` must be an integer, got "):
        mnist(validation=value)


# Finding.


@pytest.mark.parametrize("layout", ["", "mnist", "MNIST/raw"])
def test_finds_mnist_below_a_given_folder(tmp_path, layout):
    folder = put(tmp_path / "root" / layout)
    assert load_small(tmp_path / "root").source == str(folder)


@pytest.mark.parametrize("layout", ["", "fashion_mnist", "fashion-mnist", "FashionMNIST/raw"])
def test_finds_fashion_mnist_below_a_given_folder(tmp_path, layout):
    folder = put_fashion(tmp_path / "root" / layout)
    assert load_small(tmp_path / "root", recipe=SMALL_FASHION).source == str(folder)


@pytest.mark.parametrize("given", ["root", "root/mnist.npz"])
def test_finds_the_archive_of_keras(tmp_path, given):
    file = put_npz(tmp_path / "root/mnist.npz")
    data = load_small(tmp_path / given)
    assert data.source == str(file)
    np.testing.assert_array_equal(data.train, MNIST_TRAIN[:7] / np.float32(255))


@pytest.mark.parametrize(
    "place",
    ["cwd/data/MNIST/raw", "home/data/MNIST/raw", "home/.keras/datasets/mnist.npz"],
)
def test_finds_mnist_where_torchvision_and_keras_put_it(tmp_path, place):
    put_there = put_npz if place.endswith(".npz") else put
    put_there(tmp_path / place)
    assert load_small().source == str(tmp_path / place)


@pytest.mark.parametrize(
    "place",
    [
        "cwd/data/FashionMNIST/raw",
        "home/data/FashionMNIST/raw",
        "home/.keras/datasets/fashion-mnist",
        "usr/share/datasets/fashion-mnist",
    ],
)
def test_finds_fashion_mnist_where_torchvision_keras_and_debian_put_it(tmp_path, place):
    folder = put_fashion(tmp_path / place, suffix=".gz")
    assert load_small(recipe=SMALL_FASHION).source == str(folder)


def test_looks_at_the_path_then_the_variable_then_the_usual_places(tmp_path, monkeypatch):
    given, named, usual = (put(tmp_path / p) for p in ("given", "named/mnist", "cwd/data/mnist"))
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "named"))
    assert load_small(given).source == str(given)
    assert load_small().source == str(named)
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "empty"))
    assert load_small().source == str(usual)
    monkeypatch.setenv("AE_OPTAX_DATA", "")
    assert load_small().source == str(usual)


def test_a_given_path_is_the_only_one_looked_at(tmp_path, monkeypatch):
    put(tmp_path / "named")
    put(tmp_path / "cwd/data/mnist")
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "named"))
    with pytest.raises(DataError) as caught:
        load_small(tmp_path / "elsewhere")
    looked_at = [str(tmp_path / "elsewhere" / layout) for layout in MNIST.layouts]
    assert str(caught.value) == (
        f"MNIST was not found: no {TRAIN}[.gz] in any of {', '.join(looked_at)}. "
        "Set data.path or AE_OPTAX_DATA to a folder that holds it."
    )
    assert str(tmp_path / "named") not in str(caught.value)


def test_reads_the_home_folder_and_relative_paths_as_a_shell_does(tmp_path, monkeypatch):
    folder = put(tmp_path / "home/here")
    assert load_small("~/here").source == str(folder)
    assert load_small("../home/here").source == str(folder)
    monkeypatch.setenv("AE_OPTAX_DATA", "~/here")
    assert load_small().source == str(folder)


@pytest.mark.parametrize("recipe", [MNIST, FASHION_MNIST])
def test_lists_every_path_looked_at_when_nothing_is_found(tmp_path, monkeypatch, recipe):
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "named"))
    with pytest.raises(DataError) as caught:
        load(recipe, path=None, validation=0)
    message = str(caught.value)
    assert message.startswith(f"{recipe.title} was not found: ")
    assert message.endswith("Set data.path or AE_OPTAX_DATA to a folder that holds it.")
    assert "\n" not in message
    listed = message.partition(" in any of ")[2].partition(". Set ")[0].split(", ")
    roots = ["named", "cwd/data", "home/data", "home/.keras/datasets", "usr/share/datasets"]
    assert listed == [str(tmp_path / r / layout) for r in roots for layout in recipe.layouts]


def test_searching_looks_no_further_than_a_damaged_copy(tmp_path, monkeypatch):
    named = put(tmp_path / "named")
    (named / TEST).write_bytes(b"")
    put(tmp_path / "cwd/data/mnist")
    monkeypatch.setenv("AE_OPTAX_DATA", str(named))
    with pytest.raises(DataError, match=rf"named/{TEST}: is empty\."):
        load_small()


def test_labels_are_not_needed_and_do_not_make_a_set(tmp_path):
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"anything")
    with pytest.raises(DataError, match="was not found"):
        load_small(tmp_path)
    load_small(put(tmp_path))


def test_passes_over_a_folder_that_may_not_be_entered(tmp_path, monkeypatch):
    closed, is_file = tmp_path / "closed", Path.is_file

    def refuse(path):  # What `Path.is_file` does there, except for root, who may run this test.
        if closed in path.parents:
            raise PermissionError(path)
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setenv("AE_OPTAX_DATA", str(closed))
    folder = put(tmp_path / "cwd/data/mnist")
    assert load_small().source == str(folder)


# Two sets with the same file names.


def test_two_sets_side_by_side_are_told_apart(tmp_path):
    put(tmp_path / "mnist")
    put_fashion(tmp_path / "fashion_mnist")
    assert load_small(tmp_path).source == str(tmp_path / "mnist")
    assert load_small(tmp_path, recipe=SMALL_FASHION).source == str(tmp_path / "fashion_mnist")


def test_a_folder_by_name_comes_before_bare_files_which_may_be_the_other_set(tmp_path):
    put(tmp_path)
    put_fashion(tmp_path / "fashion-mnist")
    data = load_small(tmp_path, recipe=SMALL_FASHION)
    np.testing.assert_array_equal(data.test, FASHION_TEST / np.float32(255))


def test_fashion_mnist_is_not_looked_for_in_folders_and_archives_of_mnist(tmp_path):
    put(tmp_path / "mnist")
    put(tmp_path / "MNIST/raw")
    put_npz(tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="Fashion-MNIST was not found"):
        fashion_mnist(path=tmp_path)


@needs_real_data
@pytest.mark.parametrize(
    ("load_it", "folder", "reason"),
    [
        (fashion_mnist, "mnist", "holds MNIST's training images, not Fashion-MNIST's training"),
        (mnist, "fashion_mnist", "holds Fashion-MNIST's training images, not MNIST's training"),
    ],
)
def test_says_which_set_it_is_when_it_is_the_other(load_it, folder, reason):
    with pytest.raises(DataError, match=rf"{TRAIN}(\.gz)?: {reason} images\."):
        load_it(path=REAL / folder)


# Faults. (Those of a single idx file are in test_idx.py.)


@pytest.mark.parametrize("missing", [TRAIN, TEST])
def test_names_the_file_that_is_missing_beside_the_other(tmp_path, missing):
    folder = put(tmp_path / "mnist")
    (folder / missing).unlink()
    with pytest.raises(DataError) as caught:
        load_small(tmp_path)
    assert str(caught.value) == f"{folder / missing}: is missing, and so is {missing}.gz."


@pytest.mark.parametrize("damaged", [TRAIN, TEST])
def test_names_the_file_with_a_wrong_checksum(tmp_path, damaged):
    file = put(tmp_path) / damaged
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    part = {TRAIN: 0, TEST: 1}[damaged]
    with pytest.raises(DataError) as caught:
        load_small(tmp_path)
    assert str(caught.value) == (
        f"{file}: wrong checksum: MNIST's {('training', 'test')[part]} images have MD5 "
        f"{SMALL_MNIST.checksums[part]}, got {hashlib.md5(content).hexdigest()}."
    )


def test_training_and_test_images_cannot_be_swapped(tmp_path):
    put(tmp_path, train=MNIST_TEST, test=MNIST_TRAIN)
    with pytest.raises(DataError, match=f"{TRAIN}: wrong checksum"):
        load_small(tmp_path)


@pytest.mark.parametrize("size", [(4, 3), (3, 5), (2, 4)])
def test_training_and_test_images_must_have_one_size(tmp_path, size):
    put(tmp_path, test=pictures(5, seed=0, size=size))
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    height, width = size
    assert str(caught.value) == (
        f"{tmp_path / TEST}: test images are {height}×{width}, but training images 3×4."
    )


def test_a_truncated_file_is_named_by_the_loader_too(tmp_path):
    file = put(tmp_path, suffix=".gz") / f"{TRAIN}.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError) as caught:
        load_small(tmp_path)
    assert str(caught.value).startswith(f"{file}: is no intact gzip file: ")


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (MNIST_TRAIN.astype(np.float32), "got float32 of shape (10, 3, 4)"),
        (MNIST_TRAIN.reshape(10, 12), "got uint8 of shape (10, 12)"),
        (MNIST_TRAIN[:0], "got uint8 of shape (0, 3, 4)"),
    ],
)
def test_an_archive_must_hold_images_of_bytes(tmp_path, train, reason):
    file = put_npz(tmp_path / "mnist.npz", train=train)
    with pytest.raises(DataError) as caught:
        load_small(file)
    assert str(caught.value) == f"{file}[x_train]: must be uint8 (n, height, width), {reason}."


def test_an_archive_is_verified_too(tmp_path):
    file = put_npz(tmp_path / "mnist.npz", test=MNIST_TEST ^ 1)
    with pytest.raises(DataError) as caught:
        load_small(file)
    assert str(caught.value).startswith(f"{file}[x_test]: wrong checksum: MNIST's test images")


def test_an_archive_that_is_none_is_named(tmp_path):
    file = tmp_path / "mnist.npz"
    file.write_bytes(b"no archive")
    with pytest.raises(DataError) as caught:
        load_small(file)
    assert str(caught.value).startswith(f"{file}: cannot be read as an npz file: ")


def test_the_order_in_memory_does_not_change_the_checksum():
    verify(
        np.asfortranarray(MNIST_TRAIN),
        SMALL_MNIST.checksums[0],
        wanted="these images",
        where="memory",
    )


def test_the_checksums_are_the_published_ones():
    # Of the uncompressed files; the other halves of the pairs are those of the labels.
    assert MNIST.checksums == (
        "6bbc9ace898e44ae57da46a324031adb",
        "2646ac647ad5339dbf082846283269ea",
    )
    assert FASHION_MNIST.checksums == (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "8181f5470baa50b63fa0f6fddb340f0a",
    )


# The real sets.


@needs_real_data
@pytest.mark.parametrize(
    ("load_it", "mean", "deviation"),
    # Mean and deviation of the 60000 training images, as used everywhere to normalise them.
    [(mnist, 0.1307, 0.3081), (fashion_mnist, 0.2860, 0.3530)],
)
def test_the_real_sets_have_their_known_shapes_and_means(monkeypatch, load_it, mean, deviation):
    monkeypatch.setenv("AE_OPTAX_DATA", str(REAL))
    data = load_it()
    assert data.name == load_it.__name__
    assert data.train.shape == (50000, 28, 28)
    assert data.validation.shape == (10000, 28, 28)
    assert data.test.shape == (10000, 28, 28)
    for split in data.splits:
        check_images(split, name=data.name)
        assert split.min() == 0
        assert split.max() == 1
    parts = [data.train.ravel(), data.validation.ravel()]
    means = [part.mean(dtype=np.float64) for part in parts]
    squares = [np.square(part).mean(dtype=np.float64) for part in parts]
    found = np.average(means, weights=[5, 1])
    # Half a unit in the last of the four published places.
    assert found == pytest.approx(mean, abs=5e-5)
    assert np.sqrt(np.average(squares, weights=[5, 1]) - found**2) == pytest.approx(
        deviation, abs=6e-5
    )
    assert data.source.startswith(str(REAL))


@needs_real_data
def test_the_test_mean_of_mnist_is_the_known_one(monkeypatch):
    monkeypatch.setenv("AE_OPTAX_DATA", str(REAL))
    assert mnist(validation=0).test.mean(dtype=np.float64) == pytest.approx(0.1325, abs=5e-5)


def test_an_archive_larger_than_any_of_the_set_is_not_read(tmp_path, monkeypatch):
    put_npz(tmp_path / "mnist.npz")
    monkeypatch.setattr(_mnist, "LARGEST", 10)
    monkeypatch.setattr(_mnist, "NPY_HEADER", 100)
    with pytest.raises(DataError, match=r"\[x_train\]: is \d+ bytes, more than what it must hold"):
        load_small(tmp_path)


@pytest.mark.parametrize("name", ["train-images.idx3-ubyte", "train_images-idx3-ubyte.gz"])
def test_a_file_that_is_called_almost_right_is_named(tmp_path, name):
    put(tmp_path, suffix=".gz" if name.endswith(".gz") else "")
    file = next(tmp_path.glob(f"{TRAIN}*"))
    file.rename(tmp_path / name)
    sentence = f" {tmp_path / name.removesuffix('.gz')} is there: call it {TRAIN}."
    with pytest.raises(DataError) as caught:
        load_small(tmp_path)
    assert str(caught.value).endswith(f"{TRAIN}.gz.{sentence}")
    next(tmp_path.glob(f"{TEST}*")).unlink()
    with pytest.raises(DataError, match="MNIST was not found") as caught:
        load_small(tmp_path)
    assert f".{sentence} Set data.path" in str(caught.value)


def test_without_a_home_folder_the_other_places_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # As for an unknown user.
    with pytest.raises(DataError, match="MNIST was not found") as caught:
        load_small()
    assert "~" not in str(caught.value)
    put(tmp_path / "cwd/data/mnist")
    assert load_small().source == str(tmp_path / "cwd/data/mnist")
    with pytest.raises(DataError, match="~/mnist: there is no such home folder"):
        load_small("~/mnist")
