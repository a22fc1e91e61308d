"""What a config sets an optimizer to solve."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ae_optax.lab.config import ComparisonConfig, RunConfig
from ae_optax.lab.corruptions import Corruption
from ae_optax.lab.data import Dataset
from ae_optax.lab.losses import Loss
from ae_optax.lab.metrics import Metric
from ae_optax.lab.models import Model


class Task(NamedTuple):
    """What an optimizer is set to solve.

    Attributes:
        data: The images.
        model: The model.
        loss: The loss.
        corruption: Done to the images before the model sees them, or ``None``.
        metrics: What is measured beside the loss.
    """

    data: Dataset
    model: Model
    loss: Loss
    corruption: Corruption | None
    metrics: Sequence[Metric]


def make_task(config: RunConfig | ComparisonConfig, data: Dataset | None = None) -> Task:
    """Make data, model, loss, corruption and metrics as a config says.

    Args:
        config: The config.
        data: Its data, if they have been made before.

    Raises:
        ConfigError: If a function refuses its arguments.
        DataError: If the data are not there.
    """
    return Task(
        data=config.data.build() if data is None else data,
        model=config.model.build(),
        loss=config.loss.build(),
        corruption=config.corruption and config.corruption.build(),
        metrics=[metric.build() for metric in config.metrics],
    )


def describe_data(data: Dataset) -> dict[str, Any]:
    """Return what a record says of a data set."""
    return {
        "name": data.name,
        "source": data.source,
        "fingerprint": data.fingerprint,
        "attribution": data.attribution,
        "train": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
        "shape": list(data.train.shape[1:]),
    }
