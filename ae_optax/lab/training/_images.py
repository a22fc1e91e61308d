"""The images of a run, on the device."""

from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Sharding

from ae_optax.lab.data import Dataset

N_SHOWN = 10


class Images(NamedTuple):
    """Images on the device.

    Attributes:
        train: Trained on; shape (n, height, width), as the others.
        validation: For the choice of a learning rate.
        test: For the report.
        shown: Reconstructed in the report.
    """

    train: jax.Array
    validation: jax.Array
    test: jax.Array
    shown: jax.Array


def on_device(data: Dataset, where: Sharding | None = None) -> Images:
    """Move a data set to the device, or to several; its first test images are the ones shown."""
    parts = (data.train, data.validation, data.test, data.test[:N_SHOWN])
    return Images(*(spread(part, where) for part in parts))


def spread(array: np.ndarray, where: Sharding | None) -> jax.Array:
    """Move an array, which all processes have, to the device or to several."""
    if where is None:
        return jax.device_put(array)
    return jax.make_array_from_callback(array.shape, where, lambda index: array[index])
