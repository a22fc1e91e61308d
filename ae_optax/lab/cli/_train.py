"""``ae-optax train``."""

import contextlib
import datetime
import math
import time
from pathlib import Path
from typing import Any

from ae_optax import lint
from ae_optax.lab import runs, training
from ae_optax.lab._processes import from_first, is_first, largest, whole
from ae_optax.lab.checkpoints import CheckpointError, Checkpoints
from ae_optax.lab.cli._conclusion import conclude
from ae_optax.lab.cli._environment import device, versions
from ae_optax.lab.cli._exit import DIVERGED, FAILED, OK, RunError
from ae_optax.lab.cli._output import command_line, warn, write_json
from ae_optax.lab.cli._pictures import save_images
from ae_optax.lab.cli._progress import progress
from ae_optax.lab.cli._recorder import Recorder
from ae_optax.lab.cli._run_folder import check_same_data, open_folder
from ae_optax.lab.cli._signals import listening
from ae_optax.lab.cli._task import build, check_mesh, check_optimizer, read
from ae_optax.lab.config import load_run
from ae_optax.lab.models import count_parameters
from ae_optax.lab.sweeps import describe_data, read_record


def train(path: Path, overrides: list[str], out: Path | None) -> int:
    """Train as a config says and fill a run folder; return the exit code.

    A run that was begun in the folder is taken up where it was saved last; of one that has ended
    only the report is written again. Of several processes the first writes; the others must see
    its folder.
    """
    config = read(load_run, path, overrides)
    task = build(config)
    optimizer = config.optimizer.build()
    check_optimizer(task, optimizer)
    check_mesh(config)
    try:
        if is_first():
            return _lead(config, task, optimizer, path, out)
        return _help(config, task, optimizer)
    except CheckpointError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{error.filename or 'the run folder'}: {error.strerror}.") from error


def _lead(config, task, optimizer, path, out):
    with contextlib.ExitStack() as stack:
        told = None, FAILED  # The folder to train in, or how there is nothing to do.
        try:
            folder = stack.enter_context(open_folder(out, path, config, load_run))
            data = describe_data(task.data)
            check_same_data(folder, data)
            ended = _ended(folder)
            told = (folder.absolute(), None) if ended is None else (None, ended)
        finally:
            from_first(told)
        if ended is not None:
            conclude(folder)
            return ended
        # Until the last file is written: a second signal must not cut that off.
        stop = stack.enter_context(listening())
        return _train(config, task, optimizer, folder, data, stop)


def _help(config, task, optimizer):
    """Do one's part of a run whose folder is the first process's."""
    folder, code = from_first(None)
    if folder is None:
        return code  # The first process says why.
    with listening() as stop, _checkpoints(config, task, folder) as checkpoints:
        result, signal = _fit(config, task, optimizer, checkpoints, stop)
    return {"diverged": DIVERGED, "interrupted": signal}.get(result.status, OK)


def _ended(folder):
    """Return the exit code of the run in a folder if nothing is left to do, else ``None``."""
    record, saved = read_record(folder), Checkpoints(folder / "checkpoints").steps()
    # A record without its last state is of a save that failed: that is to be made up for.
    if record is None or record.summary.get("step") not in saved:
        return None
    return DIVERGED if record.diverged else OK


def _train(config, task, optimizer, folder, data, stop):
    before = (runs.read_json(folder / "summary.json") or {}).get("untrained")
    summary: dict[str, Any] = {
        "status": "running",
        "command": command_line(),
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "seeds": [config.training.seed],
        "versions": versions(),
        "device": device(),
        "data": data,
        "parameters": count_parameters(task.model, task.data.test[:1]),
        # Measured once: a run that is taken up knows it.
        "untrained": _untrained(config, task) if before is None else before,
    }
    write_json(folder / "summary.json", summary)
    warn(lint(optimizer))
    started = time.perf_counter()
    result, signal, kept = _record(config, task, optimizer, folder, stop)
    if result.status != "interrupted":
        # They may have to be compiled; whoever asked the run to stop waits for its end.
        save_images(folder / "images.npz", task, result.state)
    rows = result.rows
    summary |= {
        "status": result.status,
        "fault": None if result.fault is None else str(result.fault),
        **(rows[-1].jsonable() if rows else {}),
        "step": int(result.state.step),
        "best_test_loss": min(filter(math.isfinite, (r.test_loss for r in rows)), default=None),
        "seconds": time.perf_counter() - started,
        "training_seconds": sum(row.seconds for row in rows),
        "compile_seconds": result.compile_seconds,
    }
    write_json(folder / "summary.json", summary)
    conclude(folder)
    if not kept:
        return FAILED  # Which has been warned of.
    return {"diverged": DIVERGED, "interrupted": signal}.get(result.status, OK)


def _untrained(config, task):
    measured = training.untrained(
        task.model,
        task.loss,
        task.data,
        config.training.seed,
        corruption=task.corruption,
        metrics=task.metrics,
    )
    return {name: value if math.isfinite(value) else None for name, value in measured.items()}


def _record(config, task, optimizer, folder, stop):
    """Return the result, the code of a signal, and whether the last state is on the disk."""
    with contextlib.ExitStack() as stack:
        checkpoints = stack.enter_context(_checkpoints(config, task, folder))
        advance = stack.enter_context(progress(config.training.epochs, "epochs"))
        recorder = Recorder(
            folder / "metrics.jsonl", config.training.epochs, len(task.data.train), advance
        )
        stack.callback(recorder.close)
        on = {"on_start": recorder.start, "on_epoch": recorder.epoch}
        result, signal = _fit(config, task, optimizer, checkpoints, stop, **on)
        return result, signal, int(result.state.step) in checkpoints.steps()


def _checkpoints(config, task, folder):
    identity = {"data": task.data.fingerprint}
    return Checkpoints(folder / "checkpoints", keep=config.checkpoints.keep, identity=identity)


def _fit(config, task, optimizer, checkpoints, stop, **on):
    """Return what training leaves behind, and the code of the signal that came, if one did."""
    section = config.checkpoints
    saving = training.Saving(
        checkpoints,
        every_steps=section.every_steps,
        every_minutes=section.every_minutes,
        on_failure=lambda error: warn([str(error)]),
    )
    result = training.fit(
        task.model,
        task.loss,
        optimizer,
        task.data,
        config.training,
        corruption=task.corruption,
        metrics=task.metrics,
        saving=saving,
        interrupted=stop,
        **on,
    )
    return result._replace(state=whole(result.state)), int(largest(stop.code))
