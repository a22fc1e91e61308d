"""What an optimizer is set to solve, and its images on the device."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from ae_optax.lab.corruptions import Corruption
from ae_optax.lab.data import Dataset, Rows, Splits
from ae_optax.lab.losses import Loss
from ae_optax.lab.metrics import Metric
from ae_optax.lab.models import Model

EMPTY = np.zeros((0, 0, 0), np.float32)
NO_DATA = Dataset("no data", Splits(EMPTY, EMPTY, EMPTY), source="none", fingerprint="")


class Task(NamedTuple):
    """What an optimizer is set to solve; with an optimizer and ``Settings`` it makes a run.

    Attributes:
        model: What is trained.
        loss: What is minimised, as its mean over the images of a batch.
        data: The images. They may be left out for a loop of one's own: what takes single steps or
            evaluates is given its images when it is called.
        corruption: Done to the images before the model sees them; what it should make of them are
            the images as they were. ``None``: nothing.
        metrics: What is measured beside the loss.
    """

    model: Model
    loss: Loss
    data: Dataset = NO_DATA
    corruption: Corruption | None = None
    metrics: Sequence[Metric] = ()


N_SHOWN = 10


class Images(NamedTuple):
    """What a data set stores, on the device: values, or bytes that :func:`make_values` reads.

    Attributes:
        train: Trained on; shape (n, ...), as the others.
        validation: For the choice of a learning rate.
        test: For the report.
        shown: Reconstructed in the report.
        labels: The classes of the validation and the test images, positions of shape (n,), int32;
            ``None`` if the data have none.
    """

    train: jax.Array
    validation: jax.Array
    test: jax.Array
    shown: jax.Array
    labels: tuple[jax.Array, jax.Array] | None = None


def on_device(data: Dataset, where: Sharding | None = None) -> Images:
    """Move a data set to the device, or to several; test images at even distances are shown.

    Of training images that are not in memory those are moved that a model is shown before it
    starts.
    """
    labels = None
    if data.labels is not None:
        labels = spread(data.labels.validation, where), spread(data.labels.test, where)
    rows = data.stored.train
    train = spread(rows.sample() if isinstance(rows, Rows) else rows, where)
    validation, test = (spread(part, where) for part in data.stored[1:])
    return Images(train, validation, test, spread(data.evenly(N_SHOWN), where), labels)


def make_values(data: Dataset) -> Callable[[jax.Array], jax.Array]:
    """Make the pure function that turns what a data set stores into the values that models see.

    Bytes are looked up, not divided: a compiled division by 255 differs in the last bit for half
    of them. What is no array of bytes is values already.
    """

    def values(stored):
        if stored.dtype != jnp.uint8:
            return stored
        return jnp.asarray(data.table).at[stored.astype(jnp.int32)].get(mode="promise_in_bounds")

    return values


def spread(array: np.ndarray, where: Sharding | None) -> jax.Array:
    """Move an array, which all processes have, to the device or to several."""
    if where is None:
        return jax.device_put(array)
    return jax.make_array_from_callback(array.shape, where, lambda index: array[index])
