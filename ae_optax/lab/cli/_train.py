"""``ae-optax train``: the folder, the training, and how it ended."""

import argparse
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from ae_optax.lab import _lifeline as lifeline
from ae_optax.lab import report, runs, training
from ae_optax.lab._environment import command_line, device, now, numerics, versions
from ae_optax.lab._processes import from_first, is_first, largest, whole
from ae_optax.lab.checkpoints import CheckpointError, Checkpoints
from ae_optax.lab.cli._exit import DIVERGED, FAILED, OK, RunError, UsageError
from ae_optax.lab.cli._folder import check_same_inputs, open_folder, watch
from ae_optax.lab.cli._machine import check_device, use_compilation_cache
from ae_optax.lab.cli._processes import agree, find_place, together
from ae_optax.lab.cli._progress import Recorder, progress
from ae_optax.lab.cli._signals import listening
from ae_optax.lab.cli._task import build, check_mesh, check_optimizer, make_optimizer, read
from ae_optax.lab.cli._terminal import attempt, in_a_line, say, warn
from ae_optax.lab.data import describe_data
from ae_optax.lab.models import count_parameters
from ae_optax.lab.plans import load_run


def train(arguments: argparse.Namespace) -> int:
    """Train as a config says and fill a run folder; return the exit code.

    A run that was begun in the folder is taken up where it was saved last, and may be given more
    epochs than it had; of one that has ended only the report is written again. Of several processes
    the first writes; the others must see its folder.
    """
    lifeline.heed()
    use_compilation_cache()
    place = find_place(arguments.coordinator, arguments.processes, arguments.process)
    path, out = _config_and_out(arguments)
    with together(place, arguments.heartbeat):
        check_device()
        try:
            config = read(load_run, path, arguments.overrides)
            task = build(config)
            optimizer = make_optimizer(config.timed(task.data.sizes["train"]).optimizer)
            check_optimizer(task, optimizer)
            check_mesh(config)
        except Exception:
            agree(None)
            raise
        agree(_decisive(config, task))
        try:
            if is_first():
                return _lead(config, task, optimizer, path, out)
            return _help(config, task, optimizer)
        except CheckpointError as error:
            raise RunError(in_a_line(str(error))) from error
        except OSError as error:
            raise RunError(runs.in_words(error)) from error


def _config_and_out(arguments):
    config, run = arguments.config, arguments.resume
    if (config is None) == (run is None):
        raise UsageError("ae-optax train: give either CONFIG or --resume RUN.")
    if run is None:
        return config, arguments.out
    if arguments.out:
        raise UsageError("ae-optax train: --resume goes on in the folder of the run: no --out.")
    return run / runs.CONFIG, run


def _decisive(config, task):
    """Return what must be alike in all processes; their data may lie at different places."""
    data = {"fingerprint": task.data.fingerprint}
    return config.plain() | {"data": data, "versions": versions(), "JAX": numerics()}


def _lead(config, task, optimizer, path, out):
    """Do the run of a folder, alone or as the first of several processes."""
    with contextlib.ExitStack() as stack:
        told = None, FAILED  # The folder to train in, or how there is nothing to do.
        try:
            folder = stack.enter_context(open_folder(out, path, config, load_run))
            check_same_inputs(folder, task.data.fingerprint)
            ended = _ended(folder, config.training.epochs)
            told = (str(folder.absolute()), None) if ended is None else (None, ended)
        finally:
            from_first(told)
        if ended is not None:
            return _conclude(folder) or ended
        # Until the last file is written: a second signal must not cut that off.
        stop = stack.enter_context(listening())
        summary = _begun(config, task, folder)
        runs.write_summary(folder, summary)
        warn(training.lint_run(task, optimizer, config.training))
        started, check_there = time.perf_counter(), watch(folder)
        epochs = config.training.epochs
        with (
            _checkpoints(config, task, folder) as checkpoints,
            progress(epochs, "epochs") as advance,
            contextlib.closing(
                Recorder(folder, epochs, task.data.sizes["train"], advance)
            ) as recorder,
        ):
            result, signal = _fit(
                config,
                task,
                optimizer,
                checkpoints,
                stop,
                interrupted=lambda: check_there() or stop(),
                on_start=recorder.start,
                on_epoch=lambda row: check_there() or recorder.epoch(row),
                on_steps=recorder.steps,
            )
            kept = int(result.state.step) in checkpoints.steps()
        check_there()
        if result.status != "interrupted":
            # They may have to be compiled; whoever asked the run to stop waits for its end.
            attempt("pictures", lambda: _keep_pictures(folder, task, result.state))
        summary = summary.ended(
            result.rows,
            result.status,
            fault=None if result.fault is None else str(result.fault),
            step=int(result.state.step),
            compile_seconds=result.compile_seconds,
            wall_seconds=time.perf_counter() - started,
        )
        runs.write_summary(folder, summary)
        told = _conclude(folder)
    # What could not be kept has been warned of.
    return told or (_exit_code(result, signal) if kept else FAILED)


def _help(config, task, optimizer):
    """Do one's part of a run whose folder is the first process's."""
    folder, code = from_first(None)
    if folder is None:
        return code  # The first process says why.
    with listening() as stop, _checkpoints(config, task, Path(folder)) as checkpoints:
        return _exit_code(*_fit(config, task, optimizer, checkpoints, stop))


def _fit(config, task, optimizer, checkpoints, stop, **on):
    """Return what training leaves behind, and the code of the signal that came, if one did."""
    section = config.checkpoints
    saving = training.Saving(
        checkpoints,
        every_steps=section.every_steps,
        every_minutes=section.every_minutes,
        on_failure=lambda error: warn([str(error)]),
    )
    on = {"interrupted": stop, "progress": False, **on}  # The command shows its own.
    result = training.fit(task, optimizer, config.training, saving=saving, **on)
    return result._replace(state=whole(result.state)), int(largest(stop.code))


def _checkpoints(config, task, folder):
    return Checkpoints(
        folder / runs.CHECKPOINTS,
        keep=config.checkpoints.keep,
        identity={"data": task.data.fingerprint},
        log=folder / runs.LOG,
    )


def _exit_code(result, signal):
    return {"diverged": DIVERGED, "interrupted": signal}.get(result.status, OK)


def _ended(folder, epochs):
    """Return the exit code of the run in a folder if nothing is left to do, else ``None``."""
    summary, saved = runs.find_summary(folder), Checkpoints(folder / runs.CHECKPOINTS).steps()
    if summary is None or not summary.has_ended or summary.step not in saved:
        return None  # A record without its last state is of a save that failed.
    if damaged := runs.damage(folder):
        warn(f"{line} It is made anew from the last checkpoint." for line in damaged)
        return None
    rows = runs.read_rows(folder)
    # Not `summary.last`, which with patience is of an earlier epoch.
    if summary.status == "done" and rows and rows[-1].epoch < epochs:
        return None  # It is to be longer than it was.
    if not (folder / runs.PICTURES).exists():
        return None  # They failed, and are made of the last state.
    return DIVERGED if summary.diverged else OK


def _begun(config, task, folder):
    """Return what is known of a run before it is trained."""
    before = runs.find_summary(folder)
    return runs.Summary(
        status="running",
        command=command_line(),
        started=now(),
        seeds=[config.training.seed],
        versions=versions(),
        device=device(),
        numerics=numerics(),
        data=describe_data(task.data),
        parameters=count_parameters(task.model, task.data.first(1)),
        # Measured once: a run that is taken up knows it.
        untrained=(before and before.untrained) or training.untrained(task, config.training.seed),
    )


def _keep_pictures(folder: Path, task: training.Task, state: training.TrainState) -> None:
    runs.write_pictures(folder, training.pictures_of(task, state))


def _conclude(folder: Path) -> int:
    """Say how the run in a folder has ended, and write its report; return whether that failed."""
    say(_last_words(runs.read_run(folder)))
    page = attempt("the report", lambda: report.write_run_report(folder))
    if page is None:
        return FAILED
    say(f"Report: {page}")
    return OK


def _last_words(run: runs.Run) -> str:
    summary, last = run.summary, run.summary.last
    if summary.diverged:
        return f"diverged in {_where(summary.fault, run.rows)}. Lower the learning rate."
    if last is None:
        return "interrupted before the first epoch was done"
    pace = run.rows[-1].step / summary.training_seconds
    how = "" if summary.status == "done" else f"{summary.status}: "
    return f"{how}test loss {last.test_loss:.5f} after {last.step} steps, {pace:.0f} steps/s"


def _where(fault: str | None, rows: Sequence[runs.EpochRow]) -> str:
    """Say what ended a run: the losses of its last epoch, or a step of one that has no row."""
    if rows and not rows[-1].is_finite:
        first = f", as first of all {fault}" if fault else ""  # Others were passed over.
        return f"epoch {rows[-1].epoch}, whose loss is not finite{first}"
    if fault:
        return f"{fault} not finite"
    return f"epoch {rows[-1].epoch + 1 if rows else 1}, whose loss is not finite"
