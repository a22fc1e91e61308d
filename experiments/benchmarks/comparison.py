"""Seconds for 5 optimizers x 9 rates x 3 seeds on the digits, as a user waits for them."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from trainer import spread

from ae_optax.lab.runs import read_comparison

ROOT = Path(__file__).parents[2]
CONFIG = Path("configs/digits/compare_optimizers.yaml")
LIMIT = 20  # Seconds in all, on two cores, nothing compiled before.


def measure(quick):
    """Return wall times of the whole command and of its parts."""
    rounds, settings = 5, []
    if quick:
        rounds, settings = 1, ["--set", "training.epochs=1"]
    found = []
    for number in range(rounds):
        found.append(_run(settings))
        print(f"comparison, round {number + 1} of {rounds}: {found[-1]['total']:.1f} s", flush=True)
    return {
        "config": str(CONFIG),
        "settings": settings,
        "rounds": rounds,
        "optimizers": found[0]["optimizers"],
        "runs": found[0]["runs"],
        "epochs": found[0]["epochs"],
        "limit": LIMIT,
        "seconds": {
            part: spread([one[part] for one in found])
            for part in ("total", "start_and_report", "compilation", "runs_alone")
        },
        "microseconds_per_step": median(one["microseconds_per_step"] for one in found),
    }


def _run(settings):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "ae_optax", "compare", CONFIG, "--out", out, *settings]
        started = time.perf_counter()
        environment = {**os.environ, "AE_OPTAX_COMPILATION_CACHE": "off"}
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        total = time.perf_counter() - started
        record = read_comparison(out)
    contenders = record.contenders
    runs = [run for contender in contenders for run in contender.runs]
    compilation = sum(contender.compile_seconds for contender in contenders)
    alone = sum(run.seconds for run in runs)
    steps = len(runs) * record.epochs * record.steps_per_epoch
    return {
        "total": total,
        "start_and_report": total - compilation - alone,
        "compilation": compilation,
        "runs_alone": alone,
        "microseconds_per_step": 1e6 * alone / steps,
        "optimizers": len(contenders),
        "runs": len(runs),
        "epochs": record.epochs,
    }
