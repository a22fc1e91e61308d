"""Trains the convolutional autoencoder for some seconds; prints its rate and memory's growth."""

import json
import sys
import time
from pathlib import Path

import psutil

import ae_optax
from ae_optax.lab import data, losses, models, training

WARM = 3.0  # Seconds before anything is measured: compiled calls find their length.


def main():
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    held = {"validation": 256, "test": 256}
    make = {"in memory": data.arrays, "read in use": data.stream}[name]
    file = "held.npy" if name == "in memory" else "images.npy"
    images = make(folder / file, **held)
    task = training.Task(models.conv_autoencoder([8, 16], 32), losses.mse(), images)
    settings = training.Settings(epochs=1000, batch_size=128, log_every=1)
    process, seen = psutil.Process(), []
    started = time.perf_counter()

    def note(steps):
        if time.perf_counter() - started > WARM:
            seen.append((int(steps["step"][-1]), time.perf_counter(), process.memory_info().rss))

    training.fit(
        task,
        ae_optax.adam(1e-3),
        settings,
        on_steps=note,
        interrupted=lambda: len(seen) > 1 and seen[-1][1] - seen[0][1] > seconds,
    )
    (first, begun, before), (last, ended, _) = seen[0], seen[-1]
    grown = max(rss for _, _, rss in seen) - before
    print(json.dumps({"rate": 128 * (last - first) / (ended - begun), "grown": grown}))


if __name__ == "__main__":
    main()
