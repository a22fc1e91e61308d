"""Data that are read when they are used: the same images in the same order as in memory."""

import io

import numpy as np
import pytest

from ae_optax.lab import data
from ae_optax.lab.data import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(60, 5, 4), dtype=np.uint8)
VECTORS = RNG.normal(3, 2, size=(60, 7)).astype(np.float32)
AMOUNTS = {"validation": 8, "test": 11}


@pytest.fixture
def saved(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "vectors.npy", VECTORS)
    return tmp_path


def assert_same(read, held):
    assert not read.in_memory
    assert read.sizes == held.sizes
    assert read.shape == held.shape
    np.testing.assert_array_equal(read.stored.train[:], held.stored.train)
    np.testing.assert_array_equal(
        read.stored.train[np.array([5, 0, 5])], held.stored.train[[5, 0, 5]]
    )
    np.testing.assert_array_equal(read.validation, held.validation)
    np.testing.assert_array_equal(read.test, held.test)
    np.testing.assert_array_equal(read.first(3, "train"), held.first(3, "train"))
    assert read.stored.train.dtype == held.stored.train.dtype
    data.check_dataset(read)


@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_a_mapped_file_holds_what_it_holds_in_memory(saved, kind):
    options = {"standardize": "features"} if kind == "vectors" else {}
    path = saved / f"{kind}.npy"
    read = data.stream(path, **AMOUNTS, **options)
    assert_same(read, data.arrays(path, **AMOUNTS, **options))
    assert read.fingerprint == data.stream(path, **AMOUNTS, **options).fingerprint
    assert read.fingerprint != data.stream(path, validation=8, test=10, **options).fingerprint
    assert repr(read).endswith("read when they are used>")
    with pytest.raises(DataError, match="the training set is not in memory"):
        _ = read.train


def test_whatever_has_a_length_and_positions_is_a_source():
    held = data.from_arrays(IMAGES, **AMOUNTS)
    for source in (list(IMAGES), IMAGES):
        assert_same(data.from_source(source, **AMOUNTS), held)
    with pytest.raises(DataError, match=r"must be of one size, got \(5, 4\) and, at position"):
        data.from_source([*IMAGES, IMAGES[0, :3]], **AMOUNTS)


def test_pipelines_of_grain_are_sources():
    grain = pytest.importorskip("grain")
    pipeline = grain.MapDataset.source(IMAGES).map(lambda image: 255 - image)
    assert_same(data.from_source(pipeline, **AMOUNTS), data.from_arrays(255 - IMAGES, **AMOUNTS))
    one_by_one = pipeline.to_iter_dataset()
    read = data.from_generator(one_by_one, 60, validation=8, test=11)
    np.testing.assert_array_equal(read.stored.train[:], 255 - IMAGES[19:])


def test_records_hold_images_or_arrays(tmp_path):
    pytest.importorskip("grain")
    module = pytest.importorskip("array_record.python.array_record_module")
    path = tmp_path / "images.array_record"
    writer = module.ArrayRecordWriter(str(path), "group_size:1")
    for number, image in enumerate(IMAGES):
        content = io.BytesIO()
        if number % 2:
            pytest.importorskip("PIL.Image").fromarray(image).save(content, "PNG")
        else:
            np.save(content, image)
        writer.write(content.getvalue())
    writer.close()
    assert_same(data.stream(path, **AMOUNTS), data.from_arrays(IMAGES, **AMOUNTS))


def test_a_folder_holds_what_it_holds_in_memory(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    for number, image in enumerate(IMAGES):
        place = tmp_path / "photos" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(image).save(place / f"{number}.png")
    read, held = (make(tmp_path / "photos", **AMOUNTS) for make in (data.stream, data.image_folder))
    assert_same(read, held)
    np.testing.assert_array_equal(read.labels.train, held.labels.train)


def test_a_generator_is_begun_anew_and_read_in_its_order():
    begun = []

    def images():
        begun.append(len(begun))
        yield from IMAGES

    read = data.from_generator(images, 60, validation=8, test=11)
    np.testing.assert_array_equal(read.stored.test, IMAGES[:11])
    np.testing.assert_array_equal(read.stored.validation, IMAGES[11:19])
    rows, before = read.stored.train, len(begun)
    np.testing.assert_array_equal(rows[np.array([3, 4, 5, 0, 0])], IMAGES[[22, 23, 24, 19, 19]])
    np.testing.assert_array_equal(rows[np.array([6, 40])], IMAGES[[25, 59]])
    assert len(begun) <= before + 1
    np.testing.assert_array_equal(rows[np.array([2])], IMAGES[[21]])
    with pytest.raises(DataError, match="must yield 43 images or vectors to train on"):
        data.from_generator(images, 62, validation=8, test=11).stored.train[:]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: data.stream(p / "none.npy"), DataError, "none.npy"),
        (lambda p: data.stream(p / "images.npy"), DataError, "must be left for training"),
        (lambda p: data.stream(p / "images.npy", **AMOUNTS, standardize="whole"), ValueError, "of"),
        (lambda p: data.stream(p / "vectors.npy", **AMOUNTS, white=2.0), ValueError, "of images"),
        (lambda p: data.stream(p, **AMOUNTS, white=2.0), ValueError, "is a folder of images"),
        (lambda _: data.from_generator(iter(IMAGES), 60), TypeError, "got an iterator"),
        (lambda _: data.from_generator(lambda: iter(IMAGES), 60), DataError, "`count` must leave"),
        (lambda _: data.from_source(list(IMAGES), validation=60), DataError, "must be left"),
    ],
)
def test_what_cannot_be_read_is_refused(saved, make, error, message):
    with pytest.raises(error, match=message):
        make(saved)
