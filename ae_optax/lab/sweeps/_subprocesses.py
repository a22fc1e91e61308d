"""Runs made by other processes of this machine, a few at a time."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from ae_optax._checks import check_positive_integer
from ae_optax.lab import runs as folders
from ae_optax.lab._environment import variables
from ae_optax.lab._lifeline import Lifeline
from ae_optax.lab.config import dump
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import folder_of

SHARE = "XLA_PYTHON_CLIENT_MEM_FRACTION"
"""How much of a GPU's memory a process takes; by itself JAX takes three quarters."""

TRAIN = (sys.executable, "-m", "ae_optax", "train")


def subprocesses(n: int, *, command: Sequence[str] = TRAIN) -> Executor:
    """Make the executor that starts a process for every job.

    A process that crashes, or is killed, leaves the others alone.

    Args:
        n: How many at a time, at least 1.
        command: What is started, with a config and ``--out FOLDER`` behind it; ``ae-optax train``
            by default.

    Returns:
        The executor.

    Raises:
        TypeError: If ``n`` is no integer.
        ValueError: If ``n`` is less than 1.
    """
    check_positive_integer("n", n)

    def execute(jobs: Sequence[Job], runs: Path) -> Iterator[Outcome]:
        # They compute as this process does, also what it was told by way of `jax.config`.
        share = {SHARE: f"{0.9 / n:.3f}"} if SHARE not in os.environ else {}
        children = Children({**variables(), **share})
        with ThreadPoolExecutor(n) as pool, tempfile.TemporaryDirectory() as configs:

            def run(job):
                folder = folder_of(job.config, runs)
                config = Path(configs) / f"{folder.name}.yaml"
                config.write_text(dump(job.config), encoding="utf-8")
                for own in job.config.code():
                    folders.write_file(config.with_name(own.file), own.source, durable=False)
                failure = train_alone(command, config, folder, children)
                return Outcome(job, failure, _saved(job, folder))

            futures = [pool.submit(run, job) for job in jobs]
            try:
                yield from (future.result() for future in as_completed(futures))
            finally:  # Nobody waits for what is left.
                pool.shutdown(wait=False, cancel_futures=True)
                children.end()

    return execute


class Children:
    """Processes that end with those who wait for them.

    Attributes:
        ended: Whether none may be started any more.
    """

    def __init__(self, settings: Mapping[str, str]):
        """Begin with none; ``settings`` are variables that their environments have besides."""
        self.ended = False
        self._lifeline = Lifeline()
        self._environment = {**os.environ, **settings, **self._lifeline.variables}
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command; return its exit code and its errors."""
        with self._lock:
            if self.ended:
                return 0, "not begun"
            process = subprocess.Popen(
                command,
                stdin=self._lifeline.end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=self._environment,
            )
            self._running.add(process)
        _, errors = process.communicate()
        self._running.discard(process)
        return process.returncode, errors

    def end(self) -> None:
        """Tell all to end, and start no others."""
        with self._lock:
            self.ended = True
            for process in list(self._running):
                process.terminate()
            self._lifeline.close()


def train_alone(
    command: Sequence[str], config: Path, folder: Path, children: Children
) -> str | None:
    """Train in a process of its own, one of the ``children``.

    Returns:
        Why there is no record, or ``None``.
    """
    _wait_for_others(folder, children)
    if folders.find_run(folder) is not None:
        return None
    if not (folder / folders.CONFIG).exists():  # It has hardly been begun.
        shutil.rmtree(folder, ignore_errors=True)
    code, errors = children.run([*command, str(config), "--out", str(folder)])
    _wait_for_others(folder, children)  # One may have begun it just before ours.
    if folders.find_run(folder) is not None:
        return None
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else f"ended with exit code {code} and no record"


def _saved(job, folder):
    """Return where the last state of a run is, if it is wanted; else remove it."""
    states, summary = folder / folders.CHECKPOINTS, folders.find_summary(folder)
    if job.keep and summary is not None and not summary.diverged:
        return states
    shutil.rmtree(states, ignore_errors=True)
    return None


def _wait_for_others(folder, children):
    """Wait while another process, of another or a lost driver, makes the run."""
    while (folder / folders.LOCK).exists() and not children.ended:
        try:
            with folders.lock(folder):
                return
        except folders.FolderInUseError:
            time.sleep(0.5)
