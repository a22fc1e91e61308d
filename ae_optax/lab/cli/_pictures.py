"""What there is to see of a training run, kept in its folder."""

from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab import training
from ae_optax.lab.sweeps import Task, pictures_of


def save_images(path: Path, task: Task, state: training.TrainState) -> None:
    """Write test images and what the model of a state makes of them as ``.npz``."""
    arrays: dict[str, Any] = pictures_of(task, state)
    np.savez_compressed(path, **arrays)
