"""A whole training run: compiled parts of epochs, and a loop on the host that only logs."""

import bisect
import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
import optax

from ae_optax.lab._processes import largest
from ae_optax.lab.figures import Drawing, draw_losses
from ae_optax.lab.runs import EpochRow, Rows, make_row
from ae_optax.lab.training._epoch import Numbers, steps_per_epoch
from ae_optax.lab.training._faults import Fault, first_fault
from ae_optax.lab.training._folder import run_folder
from ae_optax.lab.training._prepare import prepare
from ae_optax.lab.training._progress import is_interactive, shown
from ae_optax.lab.training._saving import Memory, Saver, Saving
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import Task
from ae_optax.transforms import evaluation_params

Status = Literal["done", "diverged", "stopped", "out of time", "interrupted"]

LOWEST_SCALE = 2.0**-10
"""Once the rate has been lowered to this, a step that is not finite ends the run."""

CALL_SECONDS = 1.0
"""How long a call should take at the most."""

FIRST = 1
"""Steps of the first call: nobody knows yet how long they take."""


class FitResult(NamedTuple):
    """What a training run leaves behind.

    Attributes:
        state: The last state; with ``patience``, unless the run was cut off or diverged, that of
            the epoch with the lowest validation loss.
        rows: One row for each epoch done, also of those before the run was taken up again; a list
            that notebooks show as a table, with ``to_pandas()``.
        steps: What was recorded of every ``log_every``-th step since it was taken up, by name:
            ``step`` (steps done), ``loss``, ``learning_rate`` and so on; each of shape (n,).
        status: How it ended: ``"done"``; ``"diverged"``: loss or gradient were not finite;
            ``"stopped"``: ``patience`` was at its end; ``"out of time"``; ``"interrupted"``.
        fault: The first step whose loss or gradient was not finite, or ``None``.
        compile_seconds: Spent on compilation.
    """

    state: TrainState
    rows: Rows
    steps: Mapping[str, np.ndarray]
    status: Status
    fault: Fault | None
    compile_seconds: float

    @property
    def params(self) -> Any:
        """The parameters at which to evaluate the model, see ``ae_optax.evaluation_params``."""
        return evaluation_params(self.state)

    def __repr__(self) -> str:
        """Return how it ended and what came of it, without a single array."""
        fault = "" if self.fault is None else f", {self.fault}"
        return (
            f"<FitResult: {self.status} after {int(self.state.step)} steps{fault}; {self.rows!r}>"
        )

    def _repr_html_(self) -> str:
        """Return the same with the rows as a table."""
        return f"<p>{escape(repr(self))}</p>{self.rows._repr_html_()}"

    def plot(self) -> Drawing:
        """Draw the losses by step, each where it was measured; notebooks show it.

        Raises:
            ValueError: If no epoch is done.
        """
        if not self.rows:
            raise ValueError("`rows` must hold an epoch, got none: nothing can be drawn yet.")
        names = ("train_loss", "validation_loss", "test_loss")
        curves = {name: np.array([getattr(row, name) for row in self.rows]) for name in names}
        steps = np.array([row.step for row in self.rows])
        return draw_losses(steps, {k: y for k, y in curves.items() if np.isfinite(y).any()})


def fit(
    task: Task,
    optimizer: optax.GradientTransformation,
    settings: Settings | None = None,
    *,
    params: Any = None,
    folder: str | os.PathLike[str] | None = None,
    saving: Saving | None = None,
    on_start: Callable[[Sequence[EpochRow]], None] = lambda _: None,
    on_epoch: Callable[[EpochRow], None] = lambda _: None,
    on_steps: Callable[[Mapping[str, np.ndarray]], None] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
) -> FitResult:
    """Train a model, in one compiled call an epoch, or one a second if epochs are longer.

    After every epoch the optimizer is told the validation loss, which ``reduce_on_plateau``
    observes. The same arguments give the same bits on the same machine, also if the run was
    interrupted or killed at whatever step and taken up again from where it was saved.

    Several processes that are joined by ``jax.distributed`` and call this alike train one run on
    the devices of all; ``settings.mesh`` must then count them.

    Args:
        task: What is to be solved; its images are moved to the device once.
        optimizer: Any Optax transformation.
        settings: Epochs, batch size, seed and what ends a run; ``None`` for the defaults.
        params: Parameters to start from: a tree of arrays with the paths, shapes and dtypes of the
            model's own. ``None``: those that the model makes of the seed.
        folder: Where the run leaves all that ``ae-optax train`` leaves of a config's, for
            :func:`ae_optax.lab.load` and ``ae-optax report``, and is taken up from if it was there
            before: saved every two minutes and at its end. ``None``: nowhere.
        saving: Where the run is saved otherwise, and taken up from; ``None``: nowhere.
        on_start: Called with the rows of the epochs that were done before: at the beginning, and
            again whenever ``on_non_finite="restore"`` goes back to them.
        on_epoch: Called with each new row as soon as it is known.
        on_steps: Called after every call with what was recorded of its steps, as in
            :class:`FitResult`, if ``settings.log_every`` asks for it. Steps that come again, as
            the run went back, replace those that were told, and all thereafter.
        interrupted: Asked after every call; if true, the run is saved and ends.
        progress: Whether to show how far the run is; ``None``: in interactive sessions, such as
            notebooks.

    Returns:
        The last state, a row for each epoch, and how the run ended.

    Raises:
        ValueError: If ``settings.mesh`` asks for more devices than there are, ``params`` are not
            those of the model, or ``folder`` holds another run or is given beside ``saving``.
        DataError: If the training images are not finite, or fewer than a batch, or if
            ``reduce_on_plateau`` has no validation images to observe.
        CheckpointError: If what was saved is of another run.
    """
    settings = settings or Settings()
    progress = is_interactive() if progress is None else progress
    if folder is not None and saving is not None:
        raise ValueError("`folder` says where the run is saved: leave out `saving`.")
    with contextlib.ExitStack() as stack:
        on_start, on_epoch = stack.enter_context(
            shown(settings.epochs, on_start, on_epoch, progress=progress)
        )
        if folder is None:
            on = on_start, on_epoch, on_steps, interrupted
            return _fit(task, optimizer, settings, params, saving, *on)
        its = stack.enter_context(run_folder(Path(folder), task, optimizer, settings))
        on = _both(its.start, on_start), _both(its.epoch, on_epoch), _both(its.steps, on_steps)
        result = _fit(task, optimizer, settings, params, its.saving, *on, interrupted)
        its.end(result)
        return result


def _both(first, second):
    def call(argument):
        first(argument)
        second(argument)

    return call


def _fit(
    task, optimizer, settings, params, saving, on_start, on_epoch, on_steps, interrupted
) -> FitResult:
    """Do as :func:`fit` says."""
    if saving is None and (settings.on_non_finite == "restore" or settings.patience is not None):
        epoch = steps_per_epoch(task.data.sizes["train"], settings.batch_size)
        saving = Saving(Memory(), every_steps=epoch, every_minutes=None)
    started = time.perf_counter()
    program = prepare(task, optimizer, settings, params)
    saver, pace = Saver(saving), Pace()
    state, rows, seconds = _begin(program, saver)
    compile_seconds = time.perf_counter() - started
    on_start(rows)
    done = int(state.step)
    status = early_end(rows, done // program.steps_per_epoch, settings)
    known, last, fault = int(state.faults.count), math.inf, state.faults
    steps = Steps(settings.log_every, done, on_steps)
    while status is None:
        began = time.perf_counter()
        end = (done // program.steps_per_epoch + 1) * program.steps_per_epoch
        stop = int(min(end, saver.next_stop(done), done + pace.steps, last, program.reach(done)))
        state, numbers, log = program.advance(state, done, stop)
        count = int(state.faults.count)
        took = largest(time.perf_counter() - began)
        if settings.on_non_finite != "skip" and count > known:
            # What was done since the fault is of no worth, and is forgotten.
            fault = state.faults._replace(count=state.faults.count - (count - known - 1))
            first, scale = int(fault.first), state.rate_scale
            state, kept, seconds = _begin(program, saver)
            done, known = int(state.step), known + 1
            if settings.on_non_finite == "abort":
                last = first  # Go there once more: the same steps give the same bits.
                continue
            lower = scale > LOWEST_SCALE
            state = state._replace(rate_scale=scale / 2 if lower else scale, faults=fault)
            rows = kept
            on_start(rows)
            steps.go_back(done)
            if not lower:
                status = "diverged"
                saver.after_call(state, done, rows, seconds, last=True)
            continue
        pace.saw(stop - done, took)
        steps.add(done, stop, log)
        done, seconds = stop, seconds + took
        if done == end:
            epoch = done // program.steps_per_epoch
            if not rows or rows[-1].step < done:
                rows.append(make_row(epoch, done, seconds, jax.device_get(numbers)))
                if settings.patience is not None and epochs_without_gain(rows) == 0:
                    saver.save_best(state, rows)  # Before its number is told.
                on_epoch(rows[-1])
                status = early_end(rows, epoch, settings)
            seconds = 0.0
        if done == last:
            state, status = state._replace(faults=fault), "diverged"
        elif status is None and largest(interrupted()):
            status = "interrupted"
        saver.after_call(state, done, _until(done, rows), seconds, last=status is not None)
    reason = first_fault(state.faults, state.params, state.model_state)
    rows = _until(done, rows)
    if settings.patience is not None and rows and status in ("done", "stopped", "out of time"):
        best = rows[-1 - epochs_without_gain(rows)].step
        if best != done:
            state = saver.restore_best(program.template, best) or state
    return FitResult(state, Rows(rows), steps.all(), status, reason, compile_seconds)


def _begin(program, saver):
    """Return the state that was saved last, its rows and its seconds, or a fresh beginning."""
    state, rows, seconds = saver.restore(program.template)
    return (program.initial() if state is None else state), rows, seconds


def _until(step, rows):
    return rows[: bisect.bisect_right(rows, step, key=lambda row: row.step)]


class Steps:
    """What is recorded of single steps, passed on as it comes, each step once.

    Args:
        every: Which steps; ``None``: none.
        done: Steps done before.
        tell: Called with what is new.
    """

    def __init__(
        self, every: int | None, done: int, tell: Callable[[Mapping[str, np.ndarray]], None]
    ):
        self._every, self._told, self._tell = every, done, tell
        self._kept: list[dict[str, np.ndarray]] = []

    def add(self, done: int, stop: int, log: Numbers) -> None:
        """Take the log of a call that went from one step to another."""
        if self._every is None:
            return
        at = np.arange(done // self._every + 1, stop // self._every + 1) * self._every
        new = at > self._told
        if new.any():
            found = {name: np.asarray(x)[: len(at)][new] for name, x in log.items()}
            self._kept.append({"step": at[new], **found})
            self._told = int(at[-1])
            self._tell(self._kept[-1])

    def go_back(self, done: int) -> None:
        """Forget what was recorded after a step."""
        self._told = done
        kept = [{k: x[part["step"] <= done] for k, x in part.items()} for part in self._kept]
        self._kept = [part for part in kept if len(part["step"])]

    def all(self) -> dict[str, np.ndarray]:
        """Return all that was recorded, by name."""
        names = self._kept[0] if self._kept else ()
        return {name: np.concatenate([part[name] for part in self._kept]) for name in names}


class Pace:
    """Counts on what was seen of earlier calls.

    Attributes:
        steps: How many the next call may take, at least 1.
    """

    def __init__(self):
        self.steps = FIRST

    def saw(self, steps: int, seconds: float) -> None:
        """Note how long a call took."""
        if steps > 0:
            self.steps = max(1, int(steps * CALL_SECONDS / max(seconds, 1e-6)))


def early_end(rows: Sequence[EpochRow], epochs: int, settings: Settings) -> Status | None:
    """Return how a run ends after so many epochs, or ``None`` if it goes on.

    It depends on the rows alone, so a run that was resumed ends where it would have ended. There
    are fewer of them than epochs if some were lost.
    """
    if rows and not rows[-1].is_finite:
        return "diverged"
    if epochs >= settings.epochs:
        return "done"
    if not rows:
        return None
    if settings.patience is not None and epochs_without_gain(rows) >= settings.patience:
        return "stopped"
    spent = sum(row.seconds for row in rows)
    if settings.max_minutes is not None and spent >= 60 * settings.max_minutes:
        return "out of time"
    return None


def epochs_without_gain(rows: Sequence[EpochRow]) -> int:
    """Return how many epochs ago the validation loss was lowest; the first of equals counts."""
    losses = np.asarray([row.validation_loss for row in rows])
    return len(rows) - 1 - int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
