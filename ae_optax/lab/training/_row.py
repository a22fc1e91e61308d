"""What is recorded of an epoch."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

FIXED = ("train_loss", "validation_loss", "test_loss", "learning_rate", "plateau_scale")


class EpochRow(NamedTuple):
    """What is recorded of one epoch.

    Attributes:
        epoch: Counted from 1.
        step: Steps done.
        train_loss: Mean over the epoch, each image at the step that saw it.
        validation_loss: After the epoch; NaN without validation images.
        test_loss: After the epoch.
        learning_rate: Of the epoch's last step, times what ``reduce_on_plateau`` leaves of it; NaN
            if the optimizer's state shows none, or several.
        plateau_scale: What ``reduce_on_plateau`` leaves of the rate; 1 without.
        seconds: Spent on the epoch and its evaluation, compilation excluded.
        metrics: Everything else by name: terms of the loss and metrics such as ``test_psnr``, and
            what ``with_telemetry`` measured at the last step.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float
    test_loss: float
    learning_rate: float
    plateau_scale: float
    seconds: float
    metrics: Mapping[str, float]

    def flat(self) -> dict[str, Any]:
        """Return the row as one flat dictionary."""
        fields = self._asdict()
        return {**{k: v for k, v in fields.items() if k != "metrics"}, **self.metrics}

    def jsonable(self) -> dict[str, Any]:
        """Return the row flat, numbers that are not finite as ``None``."""
        flat = self.flat().items()
        return {name: value if math.isfinite(value) else None for name, value in flat}


def row_of(flat: Mapping[str, Any]) -> EpochRow:
    """Return the row that :meth:`EpochRow.jsonable` was made from; what was ``None`` is NaN."""
    values: dict[str, Any] = {k: math.nan if v is None else v for k, v in flat.items()}
    own = {name: values.pop(name) for name in EpochRow._fields if name != "metrics"}
    return EpochRow(**own, metrics=values)


def make_row(epoch: int, step: int, seconds: float, numbers: Mapping[str, Any]) -> EpochRow:
    """Return the row of an epoch from what was measured at its end."""
    values = {name: float(value) for name, value in numbers.items()}
    fixed = {name: values.pop(name) for name in FIXED}
    return EpochRow(epoch=epoch, step=step, seconds=seconds, metrics=values, **fixed)
