"""Whether model, loss, metrics and data fit together, found out without computing anything."""

import jax
import optax

from ae_optax.lab.models import as_output
from ae_optax.lab.training._check import check_output
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._state import init_state
from ae_optax.lab.training._task import Task


def check_fitting(task: Task) -> None:
    """Raise ``ValueError`` if the parts of a task do not fit together.

    Args:
        task: The task; of its data only the shape of the test images matters.

    Raises:
        ValueError: If the loss expects logits and the model squashes its output, if the output has
            another shape than the images, or if it does not tell the code, the posterior or the
            variance that the loss or a metric is about.
    """
    check_output(task.model, task.loss)
    test = task.data.test

    def evaluate(images):
        state = init_state(task.model, optax.identity(), images, 0)
        output, _ = task.model.apply(state.params, state.model_state, images, state.key, False)
        shape = as_output(output).decoded.shape
        if shape != images.shape:
            raise ValueError(
                f"`model` must give back the shape of the images, {images.shape}, got {shape}."
            )
        return make_evaluate(task)(state, images)

    jax.eval_shape(evaluate, jax.ShapeDtypeStruct((1, *test.shape[1:]), test.dtype))
