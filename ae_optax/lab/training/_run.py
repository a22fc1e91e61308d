"""A whole run as one function of its swept values and seed, for comparisons."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax.lab.training._check import check_observable
from ae_optax.lab.training._epoch import Numbers, make_epoch, record_nothing
from ae_optax.lab.training._evaluate import (
    Reconstructions,
    make_codes,
    make_evaluate,
    make_reconstruct,
    make_samples,
)
from ae_optax.lab.training._measure import make_close, make_measure, observed, step_numbers
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState, init_state
from ae_optax.lab.training._step import make_step
from ae_optax.lab.training._task import Images, Task, make_values, on_device


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
        state: The state before the first step, of no optimizer yet.
        untrained: What was measured of it, by name; each of shape ().
    """

    state: TrainState
    untrained: Numbers


def make_start(task: Task) -> Callable[[int | jax.Array, Images], Start]:
    """Make the pure function that initialises a model and measures it.

    Args:
        task: What is to be solved.

    Returns:
        ``start(seed, images) -> Start``, which knows no optimizer: compiled once, it serves runs
        of all of them. To be compiled by the caller.
    """
    measure, values = make_measure(make_evaluate(task)), make_values(task.data)

    def start(seed, images):
        state = init_state(task.model, optax.identity(), images.train, seed, values=values)
        return Start(state, measure(state, images))

    return start


def untrained(task: Task, seed: int) -> Mapping[str, float]:
    """Measure the model that a run with a seed starts from.

    Args:
        task: What is to be solved.
        seed: Of the run.

    Returns:
        ``validation_loss``, ``test_loss`` and the like, named as after an epoch; NaN for the loss
        of validation images that are not there.
    """
    start = make_start(task)
    measured = jax.jit(lambda images: start(seed, images).untrained)(on_device(task.data))
    return {"validation_loss": math.nan} | {k: float(v) for k, v in measured.items()}


class RunResult(NamedTuple):
    """What a run gives back.

    Attributes:
        untrained: What was measured before training, by name; each of shape ().
        rows: What was recorded of every epoch, by name; each of shape (epochs,).
        steps: What was recorded of every ``log_every``-th step, by name; each of shape (n,). Empty
            if ``log_every`` asks for none.
        reconstructions: The images shown, as the last parameters give them back.
        samples: What the last parameters decode from random codes, or ``None``.
        codes: Where they put test images, or ``None``; shape (n, code).
        state: The last state.
    """

    untrained: Mapping[str, jax.Array]
    rows: Mapping[str, jax.Array]
    steps: Mapping[str, jax.Array]
    reconstructions: Reconstructions
    samples: jax.Array | None
    codes: jax.Array | None
    state: TrainState


def make_run(
    task: Task,
    make_optimizer: Callable[[Any], optax.GradientTransformation],
    settings: Settings,
) -> Callable[[Any, int | jax.Array, Images], RunResult]:
    """Make the pure function that trains from scratch and measures after every epoch.

    Args:
        task: What is to be solved.
        make_optimizer: Makes the optimizer from the swept values, which are traced.
        settings: Epochs, batch size and what to do about a step that is not finite: ``"abort"``
            loses the epochs from there on, ``"skip"`` leaves the step out. The seed is an argument
            of the run; it is not ended early, and nothing is restored.

    Returns:
        ``run(values, seed, images) -> RunResult`` for a scalar or a tree of scalars. Compiled
        once, it serves all values and seeds. It tells the optimizer the validation loss after
        every epoch, which ``reduce_on_plateau`` observes, and raises ``DataError`` if there are no
        images for that.

    Raises:
        ValueError: If the settings have a mesh: only :func:`fit` spreads a run over devices.
    """
    start, run = make_start(task), make_run_from(task, make_optimizer, settings)
    return lambda values, seed, images: run(values, start(seed, images), images)


def make_run_from(
    task: Task,
    make_optimizer: Callable[[Any], optax.GradientTransformation],
    settings: Settings,
) -> Callable[[Any, Start, Images], RunResult]:
    """Make the pure function that trains from what :func:`make_start` gives.

    The start knows no optimizer: whoever compares several compiles it once for all of them.

    Args:
        task: As in :func:`make_run`, like the others.
        make_optimizer: Makes the optimizer.
        settings: Of the run.

    Returns:
        ``run(values, start, images) -> RunResult``, else as in :func:`make_run`.

    Raises:
        ValueError: If the settings have a mesh, or the images are not in memory.
    """
    if settings.mesh is not None:
        raise ValueError(
            "`mesh` must be left out where a run is one function, on one device, got "
            f"{settings.mesh}. Train it alone, with `fit` or `ae-optax train`."
        )
    if not task.data.in_memory:
        raise ValueError(
            f"`task` must have its images in memory where a run is one function, got {task.data!r}."
            " Train it with `fit` or `ae-optax train`."
        )
    close, reconstruct = make_close(make_evaluate(task), settings), make_reconstruct(task)
    samples, codes = make_samples(task), make_codes(task)
    skips = settings.on_non_finite == "skip"

    def run(values, start, images):
        optimizer = observed(make_optimizer(values), settings)
        step = make_step(task, optimizer, on_non_finite="skip" if skips else "abort")
        record = record_nothing if settings.log_every is None else step_numbers
        epoch = make_epoch(step, settings.batch_size, record=record)
        state = start.state._replace(opt_state=optimizer.init(start.state.params))
        check_observable(state.opt_state, images.validation.shape[0])

        def body(state, _):
            state, log = epoch(state, images.train)
            state, numbers = close(state, images)
            # Who aborts is not stopped: to go on and forget costs less than to look out.
            lost = (state.faults.first >= 0) & (not skips)
            return state, (jax.tree.map(lambda x: jnp.where(lost, jnp.nan, x), numbers), log)

        state, (rows, log) = jax.lax.scan(body, state, length=settings.epochs)
        return RunResult(
            untrained=start.untrained,
            rows=rows,
            steps=_every(settings.log_every, log),
            reconstructions=reconstruct(state, images.shown),
            samples=samples(state, images.shown),
            codes=codes(state, images.test),
            state=state,
        )

    return run


def _every(every, log):
    """Return what was recorded of every so many steps, given that of all, by epochs."""
    if every is None:
        return {}
    flat = {name: x.reshape(-1)[every - 1 :: every] for name, x in log.items()}
    return {"step": every * jnp.arange(1, len(flat["loss"]) + 1), **flat}
