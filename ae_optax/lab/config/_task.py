"""From a config's words to the task that it sets an optimizer."""

from ae_optax.lab.config._comparison import ComparisonConfig
from ae_optax.lab.config._schema import RunConfig
from ae_optax.lab.data import Dataset
from ae_optax.lab.training import Task


def make_task(config: RunConfig | ComparisonConfig, data: Dataset | None = None) -> Task:
    """Make model, loss, data, corruption and metrics as a config says.

    Args:
        config: The config.
        data: Its data, if they have been made before.

    Raises:
        ConfigError: If a function refuses its arguments.
        DataError: If the data are not there.
    """
    return Task(
        model=config.model.build(),
        loss=config.loss.build(),
        data=config.data.build() if data is None else data,
        corruption=config.corruption and config.corruption.build(),
        metrics=[metric.build() for metric in config.metrics],
    )
