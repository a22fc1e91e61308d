"""Steps per second of the trainer beside others, one fresh process each, in alternation."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from ae_optax.lab.data import DataError, mnist

WORKER = Path(__file__).with_name("trainer_worker.py")
OURS = "ours"
# What we expect of ourselves: our rate over theirs.
EXPECTED = {"torch_eager": 2.0, "torch_compile": 1.25, "jax_loop": 1.0, "matmuls": 0.85}


def measure(quick):
    """Return rates and ratios of all contenders, and why some are missing."""
    try:
        mnist(validation=0)
    except DataError as error:
        return {"skipped": {"all": str(error)}}
    # The last batch is smaller than the others, as it is with all 60,000 images.
    n_images, epochs, rounds = (40 * 128 + 96, 1, 1) if quick else (60_000, 2, 5)
    contenders, skipped = [OURS, *EXPECTED], {}
    if find_spec("torch") is None:
        for name in ("torch_eager", "torch_compile"):
            contenders.remove(name)
            skipped[name] = "PyTorch is not installed; the extra `benchmark` brings it"
    lines = {name: [] for name in contenders}
    for number in range(rounds):
        for name in [name for name in contenders if name not in skipped]:
            try:
                lines[name].append(_run(name, n_images, epochs))
            except subprocess.CalledProcessError as error:
                if name == OURS:
                    raise RuntimeError(error.stderr) from error
                skipped[name] = (error.stderr.strip().splitlines() or ["no message"])[-1]
                continue
            rate = lines[name][-1]["steps_per_second"]
            print(f"trainer, round {number + 1} of {rounds}: {name} {rate:.1f} steps/s", flush=True)
    lines = {name: found for name, found in lines.items() if name not in skipped}
    rates = {name: [line["steps_per_second"] for line in found] for name, found in lines.items()}
    return {
        "images": n_images,
        "epochs_timed": epochs,
        "rounds": rounds,
        "skipped": skipped,
        "contenders": {
            name: {
                "steps_per_second": spread(rates[name]),
                "ours_over_it": spread(
                    [a / b for a, b in zip(rates[OURS], rates[name], strict=True)]
                ),
                "expected": EXPECTED.get(name),
                "threads": lines[name][0]["threads"],
                "last_loss": lines[name][0]["loss"],
            }
            for name in lines
        },
    }


def spread(values):
    return {"median": median(values), "lowest": min(values), "highest": max(values)}


def _run(name, n_images, epochs):
    command = [sys.executable, WORKER, name, str(n_images), str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
