"""The folder of a command: a new one, or the one that an earlier command has begun."""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ae_optax.lab import runs
from ae_optax.lab._environment import numerics
from ae_optax.lab.cli._exit import RunError, UsageError
from ae_optax.lab.config import ConfigError, Program, dump
from ae_optax.lab.plans import ComparisonConfig, RunConfig, Source, load_code

MAX_NAMED = 5

Config = TypeVar("Config", RunConfig, ComparisonConfig)


def name_of(source: Source) -> str:
    """Return what folders and pages call a config: a file by its name."""
    return "program" if isinstance(source, Mapping | Program) else Path(source).stem


@contextlib.contextmanager
def open_folder(
    out: Path | None, source: Source, config: Config, load: Callable[..., Config]
) -> Iterator[Path]:
    """Give the folder of a run or a comparison, with its config in it, and keep others out.

    Args:
        out: The folder asked for; ``None`` for one below ``runs/`` that is named after the config
            file and the config's identity, so that the same command finds it again.
        source: The config file, or the mapping.
        config: What is to be run.
        load: Reads such a config.

    Raises:
        UsageError: If the folder holds something else, another run for instance, is in use, or
            cannot be written.
    """
    folder = out or Path("runs") / f"{name_of(source)}-{runs.run_id(config.identity())}"
    saved = folder / runs.CONFIG
    with contextlib.ExitStack() as stack:
        try:
            if not saved.exists():
                make_folder(folder, name_of(source))
            # Locked before it is read: of two commands that begin at once, one must lose.
            stack.enter_context(runs.lock(folder))
            _check_same_run(folder, load, config)
            for own in config.code():
                runs.write_file(folder / own.file, own.source)
            runs.write_file(saved, dump(config))
        except runs.FolderInUseError as error:
            raise UsageError(str(error)) from error
        except OSError as error:
            raise UsageError(f"{folder}: cannot write here: {error.strerror}.") from error
        yield folder


def watch(folder: Path) -> Callable[[], None]:
    """Return a function that sees to it that a run folder stays one, if others delete there.

    It writes the config again if that is gone, and raises a ``RunError`` if the folder is: what
    saves would make it anew, without the rest, and nobody could use it again.
    """
    before, saved = folder.stat(), folder / runs.CONFIG
    config = runs.read_text(saved)

    def check():
        try:
            there = os.path.samestat(folder.stat(), before)
        except OSError:
            there = False
        if not there:
            raise RunError(f"{folder} was removed or moved in mid-run, which has ended the run.")
        if not saved.exists():
            runs.write_file(saved, config)

    return check


def check_same_inputs(folder: Path, fingerprint: str) -> None:
    """Raise a ``UsageError`` if the run in a folder was begun otherwise than it would be now."""
    summary = runs.find_summary(folder)
    if summary is not None and (how := summary.otherwise(fingerprint, numerics())):
        raise UsageError(f"{folder} holds a run {how}. Name another folder with --out.")


def make_folder(out: Path | None, name: str) -> Path:
    """Make the run folder and make sure that it can be written.

    Args:
        out: The folder asked for, new or empty but for hidden files and the lock of a command that
            was killed; ``None`` for one below ``runs/``.
        name: What the latter is called, before the time.

    Raises:
        UsageError: If the folder is in use, is no folder or cannot be written.
    """
    if out is None:
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        out = Path("runs") / f"{name}-{now}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(there.name != runs.LOCK and there.name[0] != "." for there in out.iterdir()):
            raise UsageError(f"{out}: the output folder must be new or empty. Name another.")
        _probe(out)
    except OSError as error:
        raise UsageError(f"{out}: cannot write here: {error.strerror}.") from error
    return out


def make_shared_folder(path: Path) -> Path:
    """Make a folder that may be there, and make sure that it can be written.

    Raises:
        UsageError: If it is no folder or cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _probe(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot write here: {error.strerror}.") from error
    return path


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Let a file that cannot be read or written in the block be a ``UsageError`` of one line."""
    try:
        yield
    except (runs.DamagedError, OSError) as error:
        raise UsageError(runs.in_words(error)) from error


def _probe(folder):
    probe = folder / ".write-test"
    runs.write_file(probe, "")  # Which does not follow a link that lies there.
    probe.unlink()


def _check_same_run(folder, load, config):
    saved = folder / runs.CONFIG
    if not saved.exists():
        return
    with contextlib.suppress(runs.DamagedError):
        if runs.read_text(saved) == dump(config):  # What a program made is in no file to load.
            return
    here = {own.name: own.sha256 for own in config.code()}
    try:
        there = load_code(saved)
        if there and there != here:
            _refuse_other(folder, differences(_short(there), _short(here)))
        # Code of one's own that lies here is run only if it is what the config at hand names.
        before = load(saved, code=here)
    except ConfigError as error:
        raise UsageError(f"{folder} holds a run that cannot be read: {error}") from error
    different = differences(before.identity(), config.identity())
    if different and not _goes_on(folder, before, config):
        _refuse_other(folder, different)


def _refuse_other(folder, different) -> NoReturn:
    raise UsageError(f"{folder} holds another run: {different}. Name another with --out.")


def _short(code):
    return {name: f"{sha[:12]}…" for name, sha in code.items()}


def _goes_on(folder, before, config) -> bool:
    """Tell whether a run is the one before, but longer or shorter.

    Raises:
        UsageError: If it is, but would have been another from its first step, or has gone further,
            or belongs to a sweep or a comparison.
    """
    epochs = config.training.epochs
    longer = replace(before, training=replace(before.training, epochs=epochs))
    if not isinstance(config, RunConfig) or longer.identity() != config.identity():
        return False
    begun = f"{folder} holds a run of {before.training.epochs} epochs, which cannot go on to"
    if folder.resolve().name == runs.run_id(before.identity()):
        raise UsageError(
            f"{begun} {epochs} there: sweeps and comparisons know it by its name, as one of "
            f"{before.training.epochs}. Copy the folder, and let the copy go on."
        )
    parts = {**config.optimizer.shares(), **config.loss.shares()}
    if parts:
        named = ", ".join(f"{path} ({text})" for path, text in parts.items())
        raise UsageError(
            f"{begun} {epochs}: what is a part of its length, {named}, would have been otherwise "
            "from the first step on. Name another folder with --out, or say it in steps."
        )
    try:
        rows = runs.read_rows(folder)
        done = rows[-1].epoch if rows else 0
    except runs.DamagedError:
        done = 0  # The checkpoints know.
    if done > epochs:
        raise UsageError(f"{begun} {epochs}: it has done {done}. Name another folder with --out.")
    return True


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return where the plain values of two runs differ, the first few of the places in words."""
    old, new = _flat(before), _flat(now)
    found = [
        f"{path} is {old.get(path, 'absent')} there and {new.get(path, 'absent')} here"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]
    more = f", and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(found[:MAX_NAMED]) + more


def _flat(value, path=""):
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    else:
        return {path: value}
    return {k: v for place, item in items for k, v in _flat(item, place).items()}
