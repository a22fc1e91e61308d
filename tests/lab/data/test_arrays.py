"""Images of one's own: arrays, what yields arrays, and files of arrays."""

import os

import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.lab.data import (
    DataError,
    _npz,
    arrays,
    check_images,
    describe_data,
    from_arrays,
    from_iterable,
)


def pictures(count, shape=(3, 4), *, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def unit(images):
    return images / np.float32(255)


@pytest.fixture(autouse=True)
def nothing_lies_around(tmp_path, monkeypatch):
    monkeypatch.delenv("AE_OPTAX_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


# Arrays.


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
def test_splits_of_ones_own_are_kept_as_they_are(shape):
    parts = [pictures(n, shape, seed=n) for n in (5, 3, 2)]
    data = from_arrays(parts[0], validation=parts[1], test=parts[2], name="mine")
    for images, part in zip(data.splits, parts, strict=True):
        np.testing.assert_array_equal(images, unit(part))
        check_images(images, name="mine")
    assert (data.name, data.source, data.attribution) == ("mine", "memory", "")


@pytest.mark.parametrize(
    ("validation", "test", "counts"),
    [(0.1, 0.1, (16, 2, 2)), (0, 5, (15, 0, 5)), (0.01, 0.5, (9, 1, 10)), (18, 1, (1, 18, 1))],
)
def test_what_is_not_given_is_taken_from_the_training_images(validation, test, counts):
    whole = pictures(20)
    data = from_arrays(whole, validation=validation, test=test)
    assert tuple(map(len, data.splits)) == counts
    together = np.concatenate(data.splits)
    assert sorted(map(bytes, together)) == sorted(map(bytes, unit(whole)))


def test_the_split_depends_on_the_seed_and_test_images_not_on_the_number_for_validation():
    whole = pictures(40)
    first = from_arrays(whole)
    assert from_arrays(whole).fingerprint == first.fingerprint
    assert from_arrays(whole, seed=1).fingerprint != first.fingerprint
    np.testing.assert_array_equal(from_arrays(whole, validation=0).test, first.test)
    # Published numbers hold for a split: it may not change between versions.
    order = from_arrays(np.arange(12, dtype=np.uint8).reshape(12, 1, 1), white=12, test=0.5)
    assert (12 * order.test).ravel().round().tolist() == [5, 8, 9, 7, 3, 11]


def test_one_split_may_be_given_and_the_other_taken():
    data = from_arrays(pictures(10), test=pictures(4, seed=1), validation=0.2)
    assert list(map(len, data.splits)) == [8, 2, 4]
    np.testing.assert_array_equal(data.test, unit(pictures(4, seed=1)))


@pytest.mark.parametrize(
    ("array", "white", "desired"),
    [
        (np.array([0, 51, 255], np.uint8), None, [0, 0.2, 1]),
        (np.array([0, 13107, 65535], np.uint16), None, [0, 0.2, 1]),
        (np.array([False, True, True]), None, [0, 1, 1]),
        (np.array([0, 0.25, 1]), None, [0, 0.25, 1]),
        (np.array([0, 0.25, 1], np.float16), None, [0, 0.25, 1]),
        (np.array([0, 0.25, 1], jnp.bfloat16), None, [0, 0.25, 1]),
        (np.array([0, 4, 16]), 16, [0, 0.25, 1]),
        (np.array([0, 63.75, 255], np.float32), 255, [0, 0.25, 1]),
    ],
)
def test_white_becomes_one(array, white, desired):
    data = from_arrays(
        array.reshape(3, 1, 1), validation=0, test=array[:1, None, None], white=white
    )
    assert data.train.dtype == np.float32
    np.testing.assert_allclose(np.sort(data.train.ravel()), desired, rtol=1e-7)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), "`train`: images must be (n, height, width) or "),
        (np.zeros((0, 3, 4)), "`train`: images must hold at least one pixel, got shape (0, 3, 4)."),
        (np.full((4, 1, 1), np.nan), "`train`: pixels must be finite, got nan at image 0, "),
        (np.full((4, 1, 1), 2.0), "`train`: pixels must lie in [0, 1], got 2.0 at image 0, "),
        (np.zeros((4, 1, 1), int), "`train`: `white` must tell which int64 is white"),
        (np.array([["a"]]), "`train`: images must be numbers, got <U1 of shape (1, 1)."),
        ([[[0.5]], [[0.5, 0.5]]], "`train`: must be an array, or lists of one length: "),
        (np.ma.masked_equal(np.eye(4)[..., None], 1), "`train`: has masked values: leave their"),
        ([np.ma.masked_equal(np.eye(4), 1)], "`train`: has masked values: leave their images"),
        (np.zeros((4, 1, 1), "V2"), "`train`: images must be numbers, got |V2 of shape (4, 1, 1)."),
        (np.zeros((1, 2, 2)), "arrays: one image at least must be left for training, got 1, of"),
    ],
)
def test_what_holds_no_images_is_an_error(array, message):
    with pytest.raises(DataError) as caught:
        from_arrays(array)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_every_raise():
    whole = pictures(10)
    with pytest.raises(DataError, match=r"of one size, got train \(3, 4\), test \(2, 2\)"):
        from_arrays(whole, test=pictures(2, (2, 2)))
    with pytest.raises(DataError, match="at least one image must be left for testing, got none"):
        from_arrays(whole, test=0)
    with pytest.raises(ValueError, match=r"`test` must be a share in \[0, 1\) or a whole number"):
        from_arrays(whole, test=1.5)
    with pytest.raises(ValueError, match="`validation` must be at least 0, got -1"):
        from_arrays(whole, validation=-1)
    with pytest.raises(TypeError, match="`validation` must be a number of images or a share"):
        from_arrays(whole, validation="many")  # pyright: ignore
    with pytest.raises(ValueError, match=r"`seed` must lie in \[0, "):
        from_arrays(whole, seed=-1)
    with pytest.raises(ValueError, match=r"`white` must be above `black`, 0\.0, got 0"):
        from_arrays(whole, white=0)
    with pytest.raises(ValueError, match="`standardize` is of vectors, and arrays holds images"):
        from_arrays(whole, standardize="features")
    with pytest.raises(ValueError, match="`standardize` must be one of features, whole, got 'x'"):
        from_arrays(np.zeros((10, 3)), standardize="x")  # pyright: ignore
    for given in ({"white": 255}, {"black": -1}):
        with pytest.raises(ValueError, match="`black` and `white` are of images, and "):
            from_arrays(np.zeros((10, 3)), **given)


def test_black_and_white_name_the_range_of_pixels():
    signed = np.asarray([-1, -0.5, 0, 1], np.float32).reshape(4, 1, 1)
    data = from_arrays(signed, test=1, validation=0, black=-1)
    values = np.concatenate(data.splits)
    np.testing.assert_array_equal(np.sort(values.ravel()), [0, 0.25, 0.5, 1])
    np.testing.assert_array_equal(np.sort(data.scaling.invert(values), axis=0), signed)


def test_images_of_bytes_are_kept_as_such_and_nobody_elses_memory_is():
    given = [pictures(5), pictures(2, seed=1), pictures(3, seed=2)]
    data = from_arrays(given[0], validation=given[1], test=given[2])
    assert {part.dtype for part in data.stored} == {np.dtype(np.uint8)}
    before = [part.copy() for part in data.splits]
    for array in given:
        array[:] = 0
    for part, old in zip(data.splits, before, strict=True):
        np.testing.assert_array_equal(part, old)
    mixed = from_arrays(pictures(5), test=unit(pictures(2, seed=1)))
    assert {part.dtype for part in mixed.stored} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(mixed.test, unit(pictures(2, seed=1)))


# Vectors.


def vectors(count, width=3):
    noise = np.random.default_rng(0).normal(size=(count, width))
    return 50 * noise * [1, 10, 0][:width] + [7, -1000, 5][:width]


def test_vectors_are_data_as_they_are():
    whole = vectors(40)
    data = from_arrays(whole)
    assert [part.shape for part in data.splits] == [(32, 3), (4, 3), (4, 3)]
    together = np.concatenate(data.splits)
    assert sorted(map(bytes, together)) == sorted(map(bytes, whole.astype(np.float32)))
    whole32 = whole.astype(np.float32)
    kept = from_arrays(whole32, test=whole32, validation=whole32)
    whole32[:] = 0
    assert np.all(kept.test[:, 2] == 5)
    assert data.shape == (3,)


@pytest.mark.parametrize("by", ["features", "whole"])
def test_vectors_can_be_given_mean_zero_and_deviation_one_of_the_training_set(by):
    whole = vectors(400)
    data = from_arrays(whole, standardize=by)
    np.testing.assert_allclose(data.train.mean(axis=0), 0, atol=1e-4)
    deviations = data.train.std(axis=0)
    if by == "features":
        np.testing.assert_allclose(deviations, [1, 1, 0], rtol=1e-4)
    else:
        np.testing.assert_allclose(np.mean(deviations**2), 1, rtol=1e-4)
        np.testing.assert_allclose(deviations[1] / deviations[0], 10, rtol=0.2)
    raw = from_arrays(whole)
    for part, source in zip(data.splits, raw.splits, strict=True):
        np.testing.assert_allclose(data.scaling.invert(part), source, rtol=1e-5, atol=1e-3)
    assert data.scaling.by == by
    assert data.fingerprint != raw.fingerprint
    record = describe_data(data).scaling
    np.testing.assert_array_equal(np.float32(record["offset"]), data.scaling.offset)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_numbers_that_are_not_finite_are_named(bad):
    whole = vectors(40)
    whole[3, 1] = bad
    with pytest.raises(DataError, match=r"`train`: numbers must be finite, got .* at vector 3, "):
        from_arrays(whole)


# Labels.


def test_labels_follow_their_images():
    whole = np.arange(20, dtype=np.float32).reshape(20, 1)
    data = from_arrays(whole, labels=np.arange(20) % 3 + 5)
    assert data.labels is not None
    assert data.labels.classes == ("5", "6", "7")
    for part, labels in zip(data.splits, data.labels.of, strict=True):
        np.testing.assert_array_equal(part[:, 0] % 3, labels)
    words = from_arrays(whole, labels=[["b", "a"][i % 2] for i in range(20)])
    assert words.labels is not None
    assert words.labels.classes == ("a", "b")
    assert len({data.fingerprint, words.fingerprint, from_arrays(whole).fingerprint}) == 3


def test_splits_of_ones_own_have_labels_of_their_own():
    labels = {"train": [1, 2, 1], "test": [3, 1]}
    data = from_arrays(pictures(3), test=pictures(2, seed=1), validation=0, labels=labels)
    assert data.labels is not None
    assert [sorted(part.tolist()) for part in data.labels.of] == [[0, 0, 1], [], [0, 2]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2], r"one label for each of 10 train images, got labels of shape \(2,\)"),
        ({"train": range(10)}, "labels of all splits or of none, got none for test"),
        (np.eye(10), "one label for each of 10 train images, got labels of shape"),
        (np.zeros(10), "labels must be whole numbers or words, got float64"),
    ],
)
def test_labels_that_do_not_fit_are_errors(labels, message):
    with pytest.raises(DataError, match=message):
        from_arrays(pictures(10), test=pictures(2), labels=labels)


def test_a_file_may_hold_labels(tmp_path):
    labels = np.arange(20) % 4
    np.savez(tmp_path / "x.npz", images=labels.reshape(-1, 1, 1) / 3, labels=labels)
    np.savez(
        tmp_path / "y.npz",
        x_train=pictures(5),
        x_test=pictures(2),
        y_train=[1] * 5,
        y_test=[0] * 2,
    )
    data = arrays("x.npz")
    assert data.labels is not None
    np.testing.assert_allclose(3 * data.train.ravel(), data.labels.train, rtol=1e-6)
    keys = {"train": "x_train", "train_labels": "y_train"}
    keys |= {"test": "x_test", "test_labels": "y_test"}
    data = arrays("y.npz", keys=keys, validation=2)
    assert data.labels is not None
    assert [part.tolist() for part in data.labels.of] == [[1] * 3, [1] * 2, [0] * 2]


# What yields arrays.


def test_an_iterable_is_stacked():
    whole = pictures(10, (2, 2, 3))
    data = from_iterable((image for image in whole), test=list(pictures(2, (2, 2, 3), seed=1)))
    assert data.fingerprint == from_arrays(whole, test=pictures(2, (2, 2, 3), seed=1)).fingerprint
    assert data.name == "iterable"
    assert from_iterable(iter(whole)).fingerprint == from_arrays(whole).fingerprint


def test_positions_in_a_palette_are_no_pixels():
    image = pytest.importorskip("PIL.Image").fromarray(pictures(1)[0])
    assert from_iterable([image] * 3, test=1, validation=0).train.shape == (2, 3, 4)
    with pytest.raises(DataError, match=r"`train`, position 1: is an image with a palette: "):
        from_iterable([image, image.convert("P")])


def test_an_iterable_must_yield_images_of_one_size():
    with pytest.raises(DataError, match=r"`train`: must yield at least one image, got none\."):
        from_iterable([])
    with pytest.raises(DataError, match=r"one size, got \(2, 2\) and, at position 1, \(2, 3\)\."):
        from_iterable([np.zeros((2, 2)), np.zeros((2, 3))])
    with pytest.raises(TypeError, match="`train` must yield images, got 3"):
        from_iterable(3)  # pyright: ignore


# Files of arrays.


def test_an_npy_file_is_split(tmp_path):
    np.save(tmp_path / "x.npy", pictures(20))
    data = arrays(tmp_path / "x.npy")
    assert data.fingerprint == from_arrays(pictures(20)).fingerprint
    assert (data.name, data.source) == ("arrays", str(tmp_path / "x.npy"))


def test_an_npz_file_may_hold_the_splits(tmp_path):
    parts = {"train": pictures(5), "validation": pictures(3, seed=1), "test": pictures(2, seed=2)}
    np.savez(tmp_path / "x.npz", **parts, others=np.zeros(10))
    data = arrays("x.npz")
    for split, part in parts.items():
        np.testing.assert_array_equal(getattr(data, split), unit(part))


def test_other_arrays_of_an_npz_file_are_not_read(tmp_path):
    np.savez(tmp_path / "x.npz", train=pictures(20), notes=np.array([{"a": 1}, None]))
    data = arrays("x.npz")
    assert data.fingerprint == from_arrays(pictures(20)).fingerprint
    assert arrays("x.npz", keys={"train": "train"}).fingerprint == data.fingerprint


def test_a_small_file_that_is_large_in_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", train=np.zeros((3, 100, 100)), test=pictures(1))
    np.save(tmp_path / "x.npy", np.zeros((3, 100, 100)))
    monkeypatch.setattr(_npz, "_memory", lambda: 10000)
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("it was read"))
    for name in ("x.npz[train]", "x.npy"):
        with pytest.raises(DataError) as caught:
            arrays(tmp_path / name.removesuffix("[train]"))
        assert str(caught.value) == (
            f"{tmp_path}/{name}: is 240128 bytes, more than the memory of this machine (10000)."
        )


def test_a_file_is_what_it_holds(tmp_path):
    for name, other, save in (("x.npy", "npz", np.savez), ("x.npz", "npy", np.save)):
        with (tmp_path / name).open("wb") as stream:
            save(stream, pictures(3))
        with pytest.raises(DataError) as caught:
            arrays(name)
        message = f"{tmp_path}/{name}: is an {other} file by its content: call it x.{other}."
        assert str(caught.value) == message


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    (tmp_path / "x.npz").mkdir()
    for kind in ("npy", "npz"):
        with pytest.raises(DataError, match=rf"x\.{kind}: must be an {kind} file, got a folder"):
            arrays(f"x.{kind}")


def test_a_path_must_be_one(monkeypatch):
    for path, error in (("", ValueError), (2024, TypeError)):
        with pytest.raises(
            error, match=f"`path` must be the path of a file or folder, got {path!r}"
        ):
            arrays(path)  # pyright: ignore
    monkeypatch.delenv("HOME", raising=False)
    with pytest.raises(
        DataError, match=r"~nobody-of-that-name/x\.npy: there is no such home folder"
    ):
        arrays("~nobody-of-that-name/x.npy")


def test_keys_tell_which_array_is_which_split(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=pictures(10), x_test=pictures(2, seed=1), y_train=0)
    data = arrays("x.npz", keys={"train": "x_train", "test": "x_test"}, validation=3)
    assert list(map(len, data.splits)) == [7, 3, 2]
    np.testing.assert_array_equal(data.test, unit(pictures(2, seed=1)))


def test_the_only_array_of_an_npz_file_is_split(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", pictures(20))
    assert arrays("x.npz").fingerprint == from_arrays(pictures(20)).fingerprint


def test_a_relative_path_is_looked_for_below_the_data_folder_too(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "shared").mkdir()
    np.save(tmp_path / "shared" / "x.npy", pictures(10))
    with pytest.raises(DataError) as caught:
        arrays("x.npy")
    start = f"x.npy was not found: looked at {tmp_path}/x.npy, {tmp_path}/data/x.npy, "
    assert str(caught.value).startswith(start)
    assert "AE_OPTAX_DATA" in str(caught.value)
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "shared"))
    assert arrays("x.npy").source == str(tmp_path / "shared" / "x.npy")


def save_npy(file, array):
    with file.open("wb") as stream:
        np.save(stream, array)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.npy", b"", "{file}: cannot be read as an npy file: "),
        ("x.npy", b"\x93NUMPY\x01\x00", "{file}: cannot be read as an npy file: "),
        ("x.npz", b"no archive", "{file}: cannot be read as an npz file: "),
        ("x.npz", b"PK\x03\x04", "{file}: cannot be read as an npz file: "),
        ("x.mat", b"", "{file}: must be an npy or npz file."),
        ("x.npy", np.full((4, 1, 1), np.nan), "{file}: pixels must be finite, got nan at image 0"),
        ("x.npy", np.zeros((0, 2, 2)), "{file}: images must hold at least one pixel"),
        ("x.npy", np.zeros((1, 2, 2)), "{file}: one image at least must be left for training"),
        ("x.npy", np.array([None]), "{file}: cannot be read as an npy file: Object arrays cannot"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path, name, content, message):
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        save_npy(file, content)
    with pytest.raises(DataError) as caught:
        arrays(file)
    assert str(caught.value).startswith(message.format(file=file))
    assert "\n" not in str(caught.value)


def test_an_array_that_cannot_be_used_is_named_with_its_file(tmp_path):
    bad = np.full((3, 1, 1), 7.0)
    np.savez(tmp_path / "x.npz", train=np.zeros((3, 1, 1)), test=bad)
    with pytest.raises(DataError) as caught:
        arrays("x.npz")
    assert str(caught.value).startswith(f"{tmp_path}/x.npz[test]: pixels must lie in [0, 1], got 7")


def test_keys_that_do_not_fit_are_errors(tmp_path):
    np.savez(tmp_path / "x.npz", a=pictures(3), b=pictures(3))
    np.save(tmp_path / "x.npy", pictures(3))
    with pytest.raises(DataError, match="must hold an array 'train', got 'a', 'b'") as caught:
        arrays("x.npz")
    assert str(caught.value).endswith("Tell by `keys` which array is which split.")
    with pytest.raises(DataError, match="must hold an array 'c', got 'a', 'b'"):
        arrays("x.npz", keys={"train": "c"})
    for keys in ({"test": "a"}, {"train": "a", "extra": "b"}):
        with pytest.raises(ValueError, match="`keys` must name an array for train and may"):
            arrays("x.npz", keys=keys)
    with pytest.raises(ValueError, match="`keys` must be left out for an npy file"):
        arrays("x.npy", keys={"train": "a"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path):
    np.save(tmp_path / "x.npy", pictures(10))
    (tmp_path / "x.npy").chmod(0)
    with pytest.raises(DataError, match=r"x\.npy: cannot be read as an npy file: .*denied"):
        arrays("x.npy")
