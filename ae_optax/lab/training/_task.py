"""What an optimizer is set to solve."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ae_optax.lab.corruptions import Corruption
from ae_optax.lab.data import Dataset
from ae_optax.lab.losses import Loss
from ae_optax.lab.metrics import Metric
from ae_optax.lab.models import Model

EMPTY = np.zeros((0, 0, 0), np.float32)
NO_DATA = Dataset("no data", EMPTY, EMPTY, EMPTY, source="none", fingerprint="", attribution="")


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
