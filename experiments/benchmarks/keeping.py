"""What it costs to keep a run, how soon one that was cut off goes on, and how soon one begins."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from trainer import spread

ROOT = Path(__file__).parents[2]
CONFIG = Path("configs/mnist/autoencoder_adam.yaml")
STEPS = 469  # An epoch.
SHARE_LIMIT = 0.03  # Of an epoch's time, for a checkpoint in it.
RESUME_LIMIT = 5.0  # Seconds from the command to the first step, all programs compiled before.
START_LIMITS = {"warm": 3.0, "cold": 8.0}  # The same of a new run; cold: nothing compiled before.


def measure(quick):
    """Return the share of a checkpoint in an epoch's time, and the seconds to resume."""
    rounds, epochs = (1, 5) if quick else (5, 20)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # Compiled once before anything is timed.
        _train(folder / "warm", folder, epochs=1)
        shares = []
        for number in range(rounds):
            shares.append(median(_shares(_train(folder / f"{number}", folder, epochs))))
            print(f"keeping, round {number + 1} of {rounds}: {shares[-1]:+.1%}", flush=True)
        resumed = [_resume(folder / f"cut-{number}", folder) for number in range(rounds)]
        started = {"warm": [], "cold": []}
        for number in range(rounds):
            for name, cache in (("warm", folder), ("cold", folder / f"cache-{number}")):
                started[name].append(_first_step(folder / f"{name}-{number}", cache))
    return {
        "config": str(CONFIG),
        "epochs": epochs,
        "rounds": rounds,
        "share": spread(shares),
        "share_limit": SHARE_LIMIT,
        "resume_seconds": spread(resumed),
        "resume_limit": RESUME_LIMIT,
        "start_seconds": {name: spread(seconds) for name, seconds in started.items()},
        "start_limits": START_LIMITS,
    }


def _first_step(out, folder):
    """Return the seconds until a new run begins: to the end of an epoch, less what one takes."""
    began = time.perf_counter()
    ends = _train(out, folder, epochs=4)
    return ends[0] - began - median(after - before for before, after in pairwise(ends))


def _train(out, folder, epochs):
    """Train with a checkpoint after every second epoch; return when each epoch had ended."""
    with _start(out, folder, epochs, every_steps=2 * STEPS) as process:
        times = [time.perf_counter() for line in process.stdout if line.startswith("epoch ")]
    assert process.returncode == 0, f"training ended with exit code {process.returncode}"
    return times


def _shares(times):
    """Return by how much epochs that begin with a checkpoint outlast their two neighbours."""
    seconds = [later - sooner for sooner, later in pairwise(times)]  # The first: of epoch 2.
    return [
        2 * seconds[i] / (seconds[i - 1] + seconds[i + 1]) - 1
        for i in range(1, len(seconds) - 1, 2)
    ]


def _resume(out, folder):
    """Cut a run off after its first epoch; return the seconds until the second one begins."""
    with _start(out, folder, 3, every_steps=STEPS) as process:
        next(line for line in process.stdout if line.startswith("epoch 1/"))
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, "the run was to be cut off"
    started = time.perf_counter()
    with _start(out, folder, 3, every_steps=STEPS) as process:
        next(line for line in process.stdout if line.startswith("taken up"))
        seconds = time.perf_counter() - started
        process.terminate()
        process.communicate()
    return seconds


def _start(out, folder, epochs, every_steps):
    checkpoints = f"checkpoints={{every_steps: {every_steps}, every_minutes: null}}"
    settings = (f"training.epochs={epochs}", checkpoints)
    changes = [word for setting in settings for word in ("--set", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "ae_optax", "train", str(CONFIG), "--out", str(out), *changes],
        cwd=ROOT,
        env={**os.environ, "AE_OPTAX_COMPILATION_CACHE": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
