"""Training runs that never were."""

import json

import numpy as np

SUMMARY = {
    "status": "done",
    "seconds": 12.5,
    "compile_seconds": 2.5,
    "parameters": 4776,
    "command": "ae-optax train run.yaml",
    "started": "2026-03-01T12:00:00+01:00",
    "seeds": [3],
    "versions": {"ae_optax": "0.1.0"},
    "device": "CPU, 2 cores, x86_64",
    "data": {
        "name": "digits", "source": "embedded", "fingerprint": "0123abcd", "attribution": "A. U.",
        "train": 1000, "validation": 100, "test": 100, "shape": [8, 8],
    },
}  # fmt: skip


def rows_of(losses):
    """Return what was recorded of epochs of ten steps and 0.2 seconds with these test losses."""
    return [
        {
            "epoch": i, "step": 10 * i, "train_loss": x, "validation_loss": x, "test_loss": x,
            "learning_rate": 0.1 / i, "plateau_scale": 1.0, "seconds": 0.2, "test_psnr": 10.0 + i,
            "gradient_norm": 1.0 / i, "clip.norm_before": 2.0,
        }
        for i, x in enumerate(losses, start=1)
    ]  # fmt: skip


def fill_run(folder, *, rows=None, config="optimizer: adam\n", only=None, seed=0):
    """Write a training run's files into ``folder``."""
    folder.mkdir(exist_ok=True)
    rows = rows_of([0.5, 0.2, 0.1, 0.15, 0.2]) if rows is None else rows
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lost = bool(rows) and rows[-1]["test_loss"] is None
    summary = SUMMARY | {"status": "diverged"} if lost else SUMMARY
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "config.yaml").write_text(config)
    generator = np.random.default_rng(seed)
    images = {
        name: generator.random((4, 8, 8), dtype=np.float32)
        for name in ("originals", "inputs", "reconstructions", "samples")
    } | {"codes": generator.normal(size=(20, 2)), "code_width": np.array(2)}
    np.savez(folder / "images.npz", **{k: v for k, v in images.items() if not only or k in only})
    return folder
