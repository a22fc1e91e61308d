"""Training on images that are read in use: the bits of training in memory, however cut."""

import jax
import numpy as np
import pytest
from marks import slow

import ae_optax
from ae_optax.lab import data, losses, models, training
from ae_optax.lab.training import _feed

IMAGES = np.random.default_rng(0).integers(0, 256, size=(75, 4, 4), dtype=np.uint8)
AMOUNTS = {"validation": 10, "test": 12}
HELD, READ = data.from_arrays(IMAGES, **AMOUNTS), data.from_source(IMAGES, **AMOUNTS)
SETTINGS = training.Settings(epochs=3, batch_size=8)  # The last batch of 53 images has five.


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Let three batches be read at a time, which do not divide the seven of an epoch."""
    monkeypatch.setattr(_feed, "BYTES", 3 * 8 * 16)


def fitted(dataset, settings=SETTINGS, **options):
    task = training.Task(models.mlp_autoencoder([6], 2), losses.mse(), dataset)
    return training.fit(task, ae_optax.adam(1e-2), settings, **options)


def watched():
    """Return images that are read in use, and the list of what was read of them so far."""
    read = []

    class Watched(list):
        def __getitem__(self, position):
            read.append(position)
            return IMAGES[position]

    return data.from_source(Watched(IMAGES), **AMOUNTS), read


def losses_of(result):
    return [(row.step, row.train_loss, row.validation_loss, row.test_loss) for row in result.rows]


def assert_same_bits(result, other):
    assert losses_of(result) == losses_of(other)
    jax.tree.map(np.testing.assert_array_equal, result.params, other.params)


@pytest.fixture(scope="module")
def held():
    return fitted(HELD)


@pytest.mark.parametrize("bytes_at_once", [3 * 8 * 16, *slow(1, 2**24)])
def test_it_is_the_same_run_as_in_memory(held, monkeypatch, bytes_at_once):
    monkeypatch.setattr(_feed, "BYTES", bytes_at_once)
    assert_same_bits(fitted(READ), held)


def test_a_run_that_is_cut_in_the_middle_of_an_epoch_goes_on_to_the_same_bits(held):
    store, calls = training.Memory(), iter([False, True])
    saving = training.Saving(store, every_minutes=None)
    cut = fitted(READ, saving=saving, interrupted=lambda: next(calls, True))
    assert cut.status == "interrupted"
    assert int(cut.state.step) % 7
    assert_same_bits(fitted(READ, saving=saving), held)


def test_the_sample_that_is_looked_at_before_a_run_is_read_once():
    source, read = watched()
    before = len(read)
    task = training.Task(models.mlp_autoencoder([6], 2), losses.mse(), source)
    training.untrained(task, 0)
    training.check_trainable(source, SETTINGS)
    assert len(read) == before
    training.fit(task, ae_optax.sgd(0.1), SETTINGS, interrupted=lambda: True)
    assert len(read) <= before + 3 * 3 * 8  # Batches, of the steps that it reads ahead.


def test_images_are_read_ahead_and_no_more_than_a_few_at_a_time():
    source, read = watched()
    del read[:]
    rows, key = source.stored.train, jax.random.key(0)
    feed = training.Feed(rows, 8, 7, None)
    assert feed.reach(2) == 5
    first = feed.at(key, 2)
    assert first.rows.shape == (3, 8, 16)
    feed._ahead[1].result()
    assert (feed._ahead[0], len(read)) == (5, 2 * 8 + 3 * 8)
    assert feed.at(key, 4) is first
    assert len(read) == 2 * 8 + 3 * 8
    assert feed.at(key, 5).first == 5
    assert feed.reach(5) == 7


def test_the_numbers_of_a_generator_come_in_its_order():
    ordered = data.from_generator(lambda: iter(IMAGES), 75, validation=10, test=12)
    result, again = fitted(ordered), fitted(ordered)
    assert_same_bits(result, again)
    feed = training.Feed(ordered.stored.train, 8, 7, None)
    rows = np.asarray(feed.at(jax.random.key(0), 0).rows)
    np.testing.assert_array_equal(rows.reshape(-1, 4, 4), IMAGES[22:46])


def test_what_cannot_be_read_in_the_middle_ends_the_run_by_its_name():
    class Broken(list):
        def __getitem__(self, position):
            if broken and position % 2:
                raise data.DataError(f"photo {position} cannot be read.")
            return IMAGES[position]

    broken = []
    source = data.from_source(Broken(IMAGES), **AMOUNTS)
    broken.append(True)
    with pytest.raises(data.DataError, match=r"photo .* cannot be read"):
        fitted(source)


def test_a_run_that_is_one_function_wants_its_images_in_memory():
    task = training.Task(models.mlp_autoencoder([], 2), losses.mse(), READ)
    with pytest.raises(ValueError, match="must have its images in memory"):
        training.make_run(task, ae_optax.adam, SETTINGS)
