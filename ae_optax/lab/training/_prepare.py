"""From the parts of a run to its compiled program, which the host calls again and again."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._trees import path_of
from ae_optax.lab.data import Rows
from ae_optax.lab.training._check import check_fitting, check_observable, check_trainable
from ae_optax.lab.training._epoch import (
    Numbers,
    Segment,
    make_segment,
    record_nothing,
    steps_per_epoch,
)
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._feed import Feed
from ae_optax.lab.training._measure import Close, make_close, observed, step_numbers
from ae_optax.lab.training._mesh import make_layout, shardings
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState, init_state
from ae_optax.lab.training._step import make_step
from ae_optax.lab.training._task import Task, make_values, on_device

UNBROKEN = 16
"""Steps that a GPU makes before it waits for the host."""

Advance = Callable[[TrainState, Any, jax.Array | int], tuple[TrainState, Numbers, Numbers]]


class CompiledRun(NamedTuple):
    """A run, compiled.

    Attributes:
        template: Shapes and dtypes of the state, and on several devices where its arrays lie.
        initial: Returns the state before the first step.
        advance: ``advance(state, done, stop)``, from :func:`make_advance`, compiled: trains from
            ``done`` steps to ``stop``; the state it is given is gone thereafter.
        reach: ``reach(done)``: at which step a call must stop that begins there.
        steps_per_epoch: Steps in an epoch.
    """

    template: Any
    initial: Callable[[], TrainState]
    advance: Callable[[TrainState, int, int], tuple[TrainState, Numbers, Numbers]]
    reach: Callable[[int], float]
    steps_per_epoch: int


def prepare(
    task: Task,
    optimizer: optax.GradientTransformation,
    settings: Settings,
    params: Any = None,
) -> CompiledRun:
    """Check the parts of a run, move the images to the device, and compile; see :func:`fit`."""
    data = task.data
    check_trainable(data, settings)
    check_fitting(task)
    layout = make_layout(settings.mesh)
    images = on_device(data, layout.everywhere)
    task = task._replace(model=layout.split(task.model))
    watched = observed(optimizer, settings)

    def initial(images, params):
        values = make_values(task.data)
        state = init_state(task.model, optax.identity(), images, settings.seed, values=values)
        # The state is donated, what was given is not.
        return state if params is None else state._replace(params=jax.tree.map(jnp.copy, params))

    def with_optimizer(state):
        return state._replace(opt_state=watched.init(state.params))

    template = layout.place(state_shapes(task, optimizer, settings, images.train))
    params = None if params is None else arranged(params, template.params)
    check_observable(template.opt_state, images.validation.shape[0])
    step = make_step(task, watched, on_non_finite=settings.on_non_finite)
    close = make_close(make_evaluate(task), settings)
    unbroken = 1 if jax.default_backend() == "cpu" else UNBROKEN
    segment = make_segment(
        step,
        settings.batch_size,
        record=record_nothing if settings.log_every is None else step_numbers,
        every=settings.log_every or 1,
        unbroken=unbroken,
        data=data,
    )
    steps = steps_per_epoch(data.sizes["train"], settings.batch_size)
    advance = make_advance(segment, close, steps)
    placed = shardings(template)
    # Two programs: what drawing parameters takes is gone before the optimizer has its own.
    begin = jax.jit(initial, out_shardings=placed._replace(opt_state=layout.everywhere))
    equip = jax.jit(with_optimizer, donate_argnums=0, out_shardings=placed)
    out = (placed, layout.everywhere, layout.everywhere)
    rows, feed = data.stored.train, None
    if isinstance(rows, Rows):
        feed = Feed(rows, settings.batch_size, steps, layout.batches)
    given = images if feed is None else images._replace(train=feed.shape)
    jitted = jax.jit(advance, donate_argnums=0, out_shardings=out)
    compiled = jitted.lower(template, given, 0).compile()

    def advance_to(state, done, stop):
        its = images if feed is None else images._replace(train=feed.at(state.key, done))
        return compiled(state, its, stop)

    return CompiledRun(
        template=template,
        initial=lambda: equip(begin(images.train, params)),
        advance=advance_to,
        reach=lambda done: math.inf if feed is None else feed.reach(done),
        steps_per_epoch=steps,
    )


def arranged(params: Any, like: Any) -> Any:
    """Return parameters as a model has them, found by their paths.

    Args:
        params: A tree of arrays, or of Flax's variables.
        like: The model's own, or their shapes and dtypes.

    Raises:
        ValueError: If a path, a shape or a dtype is another.
    """
    given = {path_of(keys): leaf for keys, leaf in jax.tree.leaves_with_path(params)}
    wanted = {path_of(keys): leaf for keys, leaf in jax.tree.leaves_with_path(like)}
    for path in (*wanted, *given):
        there = [_form(tree[path]) if path in tree else "none" for tree in (wanted, given)]
        if there[0] != there[1]:
            raise ValueError(
                f"`params` must be those of the model: it has {there[0]} at {path!r}, got "
                f"{there[1]}."
            )
    return jax.tree.unflatten(jax.tree.structure(like), [given[path] for path in wanted])


def _form(leaf):
    return f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}"


def state_shapes(
    task: Task, optimizer: optax.GradientTransformation, settings: Settings, images: jax.Array
) -> Any:
    """Return the shapes and dtypes of a run's state, and compute nothing.

    Args:
        task: Of the run; its data may be left out.
        optimizer: The optimizer.
        settings: As for :func:`fit`.
        images: Images (n, ...) of the size trained on; only their shape and dtype matter.
    """
    optimizer, values = observed(optimizer, settings), make_values(task.data)
    return jax.eval_shape(
        lambda images: init_state(task.model, optimizer, images, settings.seed, values=values),
        images,
    )


def make_advance(segment: Segment, close: Close, steps: int) -> Advance:
    """Make the pure function that trains to a step, and closes the epoch if that is its end.

    Args:
        segment: From :func:`make_segment`.
        close: From ``make_close``.
        steps: Steps in an epoch.

    Returns:
        ``advance(state, images, stop) -> (state, numbers, log)``, where ``images.train`` is what
        the segment is given; the numbers are 0 where no epoch
        ends, the log is the segment's. To be compiled by the caller, who may donate the state.
    """

    def advance(state, images, stop):
        end = state.step - state.step % steps + steps
        state, log = segment(state, images.train, stop)
        _, shapes = jax.eval_shape(close, state, images)

        def go_on(state, images):
            del images
            return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

        return *jax.lax.cond(state.step == end, close, go_on, state, images), log

    return advance
