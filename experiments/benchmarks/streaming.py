"""What it costs to read images in use, of a file of 4 GB, beside images in memory."""

import tempfile
from pathlib import Path

import numpy as np
from workers import over, rounds, spread

SIDE = 28
HELD = 60_000  # Images of the contender that has them in memory.
LIMIT = 0.9  # Of the rate in memory.
GROWTH_LIMIT = 0.1  # Of the file, in memory while it is read.


def measure(quick):
    """Return the rates of both, their ratio, and by how much memory grew while reading."""
    size, number, seconds = (2**26, 1, 5) if quick else (2**32, 5, 30)
    count = size // SIDE**2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        _write(path, count)
        _write(Path(folder) / "held.npy", min(count, HELD))
        contenders = {"in memory": "", "read in use": ""}
        found, skipped = rounds(
            "streaming_worker.py", contenders, [folder, seconds], number=number, part="streaming"
        )
    assert not skipped, skipped
    rates = {name: [line["rate"] for line in lines] for name, lines in found.items()}
    grown = [line["grown"] / size for line in found["read in use"]]
    return {
        "bytes": size,
        "images": count,
        "seconds": seconds,
        "rounds": number,
        "rates": {name: spread(values) for name, values in rates.items()},
        "ratio": over(rates["read in use"], rates["in memory"]),
        "limit": LIMIT,
        "growth": spread(grown),
        "growth_limit": GROWTH_LIMIT,
    }


def _write(path, count):
    """Write random images, some at a time."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE))
    rng, part = np.random.default_rng(0), 2**15
    for start in range(0, count, part):
        array[start : start + part] = rng.integers(
            0, 256, array[start : start + part].shape, np.uint8
        )
    array.flush()
