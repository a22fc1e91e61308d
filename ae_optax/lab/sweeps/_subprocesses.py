"""Runs made by other processes of this machine, a few at a time."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from ae_optax._checks import check_positive_integer
from ae_optax.lab import runs as folders
from ae_optax.lab.config import dump
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import folder_of, read_record

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
        started: list[subprocess.Popen[str]] = []
        with ThreadPoolExecutor(n) as pool, tempfile.TemporaryDirectory() as configs:

            def run(job):
                folder = folder_of(job.config, runs)
                config = Path(configs) / f"{folder.name}.yaml"
                config.write_text(dump(job.config), encoding="utf-8")
                return Outcome(job, train_alone(command, config, folder, started))

            futures = [pool.submit(run, job) for job in jobs]
            try:
                yield from (future.result() for future in as_completed(futures))
            finally:  # Nobody waits for what is left.
                pool.shutdown(wait=False, cancel_futures=True)
                for process in started:
                    process.terminate()

    return execute


def train_alone(
    command: Sequence[str], config: Path, folder: Path, started: list[subprocess.Popen[str]]
) -> str | None:
    """Train in a process of its own, in ``started`` while it lasts.

    Returns:
        Why there is no record, or ``None``.
    """
    _wait_for_others(folder)
    if read_record(folder) is not None:
        return None
    if not (folder / "config.yaml").exists():  # It has hardly been begun.
        shutil.rmtree(folder, ignore_errors=True)
    process = subprocess.Popen(
        [*command, str(config), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    _, errors = process.communicate()
    started.remove(process)
    if read_record(folder) is not None:
        return None
    if process.returncode < 0:
        return f"killed by {signal.Signals(-process.returncode).name}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else f"ended with exit code {process.returncode} and no record"


def _wait_for_others(folder):
    """Wait while another process, of another or a lost driver, makes the run."""
    while (folder / "lock").exists():
        try:
            with folders.lock(folder):
                return
        except folders.FolderInUseError:
            time.sleep(0.5)
