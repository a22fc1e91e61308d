"""Whether model, loss and metrics fit together, found out without computing anything."""

from collections.abc import Sequence
from typing import Any

import jax
import optax

from ae_optax.lab.losses import Loss
from ae_optax.lab.metrics import Metric
from ae_optax.lab.models import Model, as_output
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._state import init_state


def check_evaluable(
    model: Model, loss: Loss, images: Any, *, metrics: Sequence[Metric] = ()
) -> None:
    """Raise ``ValueError`` if a loss or metric cannot be had of what a model makes of images.

    Args:
        model: The model.
        loss: The loss.
        images: Images (n, ...) of the size to train on; only their shape and dtype matter.
        metrics: The metrics.

    Raises:
        ValueError: If the output has another shape than the images, or does not tell the code, the
            posterior or the variance that the loss or a metric is about.
    """

    def evaluate(images):
        state = init_state(model, optax.identity(), images, 0)
        output, _ = model.apply(state.params, state.model_state, images, state.key, False)
        shape = as_output(output).decoded.shape
        if shape != images.shape:
            raise ValueError(
                f"`model` must give back the shape of the images, {images.shape}, got {shape}."
            )
        return make_evaluate(model, loss, metrics=metrics)(state, images)

    jax.eval_shape(evaluate, jax.ShapeDtypeStruct(images.shape, images.dtype))
