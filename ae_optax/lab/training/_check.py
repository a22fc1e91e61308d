"""Checks before a run starts: of its data, its optimizer, and whether its parts fit together."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._trees import states_of
from ae_optax.lab.data import DataError, Dataset, Rows, check_dataset
from ae_optax.lab.models import as_output
from ae_optax.lab.training._epoch import steps_per_epoch
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import init_state
from ae_optax.lab.training._step import check_output
from ae_optax.lab.training._task import Task
from ae_optax.transforms import ReduceOnPlateauState

MOST_STEPS = 2**31
"""No counter of steps, which is an int32, comes to it."""


def check_trainable(data: Dataset, settings: Settings) -> None:
    """Raise ``DataError`` if a set holds bad pixels, or too few images for the settings.

    Where a setting is to blame, the message begins with its name.
    """
    check_dataset(data)
    epochs, batch_size, known = settings.epochs, settings.batch_size, f"{data.name} ({data.source})"
    if batch_size > data.sizes["train"]:
        raise DataError(
            f"`batch_size` must be at most the {data.sizes['train']} training images of {known}, "
            f"got {batch_size}."
        )
    if settings.patience is not None and not data.sizes["validation"]:
        raise DataError(
            "`patience` waits for the validation loss to fall, and there are no validation images "
            f"in {known}. Leave it out, or put some aside: `data.validation`."
        )
    steps = steps_per_epoch(data.sizes["train"], batch_size)
    if epochs * steps >= MOST_STEPS:
        raise DataError(
            f"`epochs` must make fewer than {MOST_STEPS} steps, got {epochs} epochs of {steps}."
        )


def check_observable(opt_state: Any, n_validation: int) -> None:
    """Raise ``DataError`` if an optimizer waits for a validation loss that there will not be."""
    if n_validation == 0 and states_of(opt_state, ReduceOnPlateauState):
        raise DataError(
            "reduce_on_plateau observes the validation loss: there must be validation images, "
            "got none."
        )


def check_fitting(task: Task) -> None:
    """Raise ``ValueError`` if the parts of a task do not fit together.

    Args:
        task: The task; of its data their shape matters, their classes and, of vectors, their range.

    Raises:
        ValueError: If the loss expects logits and the model squashes its output, or codes in a
            range that the model's leave, if either is made for numbers in [0, 1] and the vectors
            hold others, if the output has another shape than the images, or if it does not tell
            the code, the posterior or the variance that the loss or a metric is about, or if a
            metric is of classes and the data have no labels.
    """
    check_output(task.model, task.loss)
    _check_range(task)

    def evaluate(images):
        state = init_state(task.model, optax.identity(), images, 0)
        output, _ = task.model.apply(state.params, state.model_state, images, state.key, False)
        shape = as_output(output).decoded.shape
        if shape != images.shape:
            raise ValueError(
                f"`model` must give back the shape of the images, {images.shape}, got {shape}."
            )
        labels = None if task.data.labels is None else jnp.zeros(1, jnp.int32)
        return make_evaluate(task)(state, images, labels)

    jax.eval_shape(evaluate, jax.ShapeDtypeStruct((1, *task.data.shape), jnp.float32))


def _check_range(task):
    """Raise ``ValueError`` if vectors hold numbers that model or loss cannot be about."""
    train = task.data.stored.train
    if train.ndim != 2 or 0 in train.shape:
        return
    train = train.sample() if isinstance(train, Rows) else train
    low, high = train.min(), train.max()
    if low >= 0 and high <= 1:
        return
    found = f"the vectors of {task.data.name} hold numbers from {low:.4g} to {high:.4g}"
    if task.loss.expects == "logits":
        raise ValueError(f"`loss` is of numbers in [0, 1], and {found}: take a squared error.")
    if task.model.squashed:
        raise ValueError(
            f"`model` squashes its output into [0, 1], and {found}. Give it a linear output "
            "(`output: linear`)."
        )
