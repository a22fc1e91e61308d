"""From the parts of a run to its compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from ae_optax.lab.training._advance import Advance, make_advance
from ae_optax.lab.training._check import check_observable, check_trainable
from ae_optax.lab.training._epoch import make_segment, steps_per_epoch
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._images import Images, on_device
from ae_optax.lab.training._measure import make_close
from ae_optax.lab.training._mesh import make_layout, shardings
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState, init_state
from ae_optax.lab.training._step import make_step
from ae_optax.lab.training._task import Task
from ae_optax.lab.training._telemetry import observed


class Program(NamedTuple):
    """A run, compiled.

    Attributes:
        images: The images, on the device.
        template: Shapes and dtypes of the state, and on several devices where its arrays lie.
        initial: Returns the state before the first step.
        advance: From :func:`make_advance`, compiled; the state it is given is gone thereafter.
        steps_per_epoch: Steps in an epoch.
    """

    images: Images
    template: Any
    initial: Callable[[], TrainState]
    advance: Advance
    steps_per_epoch: int


def prepare(task: Task, optimizer: optax.GradientTransformation, settings: Settings) -> Program:
    """Check the parts of a run, move the images to the device, and compile; see :func:`fit`."""
    data = task.data
    check_trainable(data, settings.batch_size)
    layout = make_layout(settings.mesh)
    images = on_device(data, layout.everywhere)
    task = task._replace(model=layout.split(task.model))
    optimizer = observed(optimizer, settings)

    def initial(images):
        return init_state(task.model, optimizer, images, settings.seed)

    template = layout.place(jax.eval_shape(initial, images.train))
    check_observable(template.opt_state, images.validation.shape[0])
    step = make_step(task, optimizer, on_non_finite=settings.on_non_finite)
    close = make_close(make_evaluate(task))
    advance = make_advance(make_segment(step, settings.batch_size), close, settings.batch_size)
    placed = shardings(template)
    compiled = jax.jit(advance, donate_argnums=0, out_shardings=(placed, layout.everywhere))
    return Program(
        images=images,
        template=template,
        initial=lambda: jax.jit(initial, out_shardings=placed)(images.train),
        advance=compiled.lower(template, images, 0).compile(),
        steps_per_epoch=steps_per_epoch(len(data.train), settings.batch_size),
    )
