"""Checks before a run starts."""

from typing import Any

from ae_optax._trees import states_of
from ae_optax.lab.data import DataError, Dataset, check_images
from ae_optax.lab.losses import Loss
from ae_optax.lab.models import Model
from ae_optax.transforms import ReduceOnPlateauState


def check_trainable(data: Dataset, batch_size: int) -> None:
    """Raise ``DataError`` if a set holds bad pixels or fewer training images than a batch."""
    for part in ("train", "validation", "test"):
        images = getattr(data, part)
        if part != "validation" or len(images):
            check_images(images, name=f"{data.name} ({data.source}), {part}")
    if batch_size > len(data.train):
        raise DataError(
            f"{data.name} ({data.source}): `batch_size` must be at most the {len(data.train)} "
            f"training images, got {batch_size}."
        )


def check_output(model: Model, loss: Loss) -> None:
    """Raise ``ValueError`` if a loss of logits would be fed the output of a sigmoid."""
    if loss.expects == "logits" and model.squashed:
        raise ValueError(
            "`loss` must fit the model: it expects logits, but the model squashes its output "
            "into [0, 1]. Give the model a linear output (`output: linear`)."
        )


def check_observable(opt_state: Any, n_validation: int) -> None:
    """Raise ``DataError`` if an optimizer waits for a validation loss that there will not be."""
    if n_validation == 0 and states_of(opt_state, ReduceOnPlateauState):
        raise DataError(
            "reduce_on_plateau observes the validation loss: there must be validation images, "
            "got none."
        )
