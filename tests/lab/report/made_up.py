"""A comparison that never ran, with everything that a report has to cope with."""

import json

import numpy as np

from ae_optax.lab import runs

EPOCHS, STEPS, SEEDS = 20, 11, (0, 1, 2)
RATES = [float(rate) for rate in np.logspace(-4, 0, 9)]
BEFORE = 0.235


def fill(folder, comparison):
    """Write a comparison's files into ``folder``."""
    text = json.dumps(comparison, allow_nan=False)
    (folder / "comparison.json").write_text(text, encoding="utf-8")
    generator = np.random.default_rng(0)
    originals = generator.random((10, 8, 8), dtype=np.float32) ** 3
    images = {"originals": originals}
    for i, contender in enumerate(comparison["contenders"]):
        if contender["best"]:
            noise = 0.1 * (i + 1) * generator.normal(size=originals.shape)
            images[f"reconstructions_{i}"] = (originals + noise).astype(np.float32)
            images[f"inputs_{i}"] = np.clip(originals + 0.1, 0, 1)
            if "gradient_norm" in contender["runs"][0]["rows"]:
                images[f"samples_{i}"] = 1 - originals
                images[f"codes_{i}"] = generator.normal(size=(50, 2))
                images[f"code_width_{i}"] = np.array(8)
    np.savez(folder / "images.npz", **images)
    return folder


def as_record(comparison):
    """Return a comparison as it is read from its file."""
    return runs.from_json(runs.ComparisonRecord, json.loads(json.dumps(comparison)), "made up")


def example():
    """Return a comparison: four contenders in different luck, and one that failed."""
    contenders = [
        contender("adam", best_rate=3e-3, floor=0.0221, ceiling=0.3, seed=1, ms=0.31, state=8),
        contender("sgd", best_rate=3.0, floor=0.048, ceiling=1e9, seed=2, ms=0.22, state=0),
        contender("momentum", best_rate=0.3, floor=0.0310, ceiling=1e9, seed=3, ms=0.24, state=4),
        contender("rmsprop", best_rate=1e-3, floor=0.0222, ceiling=0.02, seed=4, ms=0.27, state=4),
        failed("clipped lion", "ValueError: `b1` must lie in [0, 1), got 2."),
    ]
    return {
        "format": 3,
        "title": "compare optimizers",
        "question": "Question: which optimizer trains this autoencoder best?\n"
        "Command:  ae-optax compare configs/digits/compare_optimizers.yaml",
        "command": "ae-optax compare configs/digits/compare_optimizers.yaml",
        "started": "2026-03-01T12:00:00+01:00",
        "wall_seconds": 31.4,
        "versions": {"ae_optax": "0.1.0", "jax": "0.10.2", "python": "3.12.3"},
        "device": "CPU, 2 cores, x86_64",
        "data": {
            "name": "digits",
            "source": "embedded",
            "fingerprint": "0123456789abcdef" * 4,
            "attribution": "Alpaydin and Kaynak (1998), https://doi.org/10.24432/C50P49, CC BY 4.0",
            "train": 1257,
            "validation": 180,
            "test": 360,
            "shape": [8, 8],
        },
        "model": {"name": "mlp_autoencoder", "hidden": [32], "code": 8},
        "loss": {"name": "mse"},
        "parameters": 4776,
        "epochs": EPOCHS,
        "batch_size": 128,
        "steps_per_epoch": STEPS,
        "seeds": list(SEEDS),
        "target": 0.0265,
        "target_rule": "the median of the contenders' final test losses",
        "uncertainty": {"level": 0.75, "wins": 3},
        "contenders": contenders,
    }


def contender(label, *, best_rate, floor, ceiling, seed, ms, state, rates=RATES):
    """Return a contender whose loss is a valley around ``best_rate``; above ``ceiling``, none."""
    generator = np.random.default_rng(seed)
    runs = []
    for setting, rate in enumerate(rates):
        for run_seed in SEEDS:
            wild = rate > ceiling * generator.uniform(0.7, 1.5)
            run = _run(rate, run_seed, best_rate, floor, wild, ms, generator)
            runs.append({"setting": setting, "values": {}, **run})
    return {
        "label": label,
        "optimizer": {"name": label, "learning_rate": "swept"},
        "learning_rates": rates,
        "settings": len(rates),
        "at_rates": list(range(len(rates))),
        "state_bytes_per_parameter": float(state),
        "ms_per_step": ms,
        "ms_quartiles": [0.9 * ms, 1.2 * ms],
        "compile_seconds": 1.9,
        "failure": None,
        "runs": runs,
        "best": best(runs, rates, ms),
    }


def failed(label, reason):
    """Return a contender that could not run."""
    return {
        "label": label,
        "optimizer": {"name": "lion", "b1": 2.0, "learning_rate": "swept"},
        "learning_rates": RATES,
        "settings": 0,
        "at_rates": [],
        "state_bytes_per_parameter": 0.0,
        "ms_per_step": None,
        "compile_seconds": 0.0,
        "failure": reason,
        "runs": [],
        "best": None,
    }


def best(runs, rates, ms, target=0.0265):
    """Return what a comparison says of a contender's runs."""
    finals = {r: [x["test_loss"][-1] for x in runs if x["learning_rate"] == r] for r in rates}
    medians = {r: float(np.median([np.inf if x is None else x for x in finals[r]])) for r in rates}
    rate = min(medians, key=medians.__getitem__)
    if not np.isfinite(medians[rate]):
        return None
    at_best = [run for run in runs if run["learning_rate"] == rate]
    reached = [i for i, x in enumerate(at_best[0]["test_loss"]) if x is not None and x <= target]
    steps = float(STEPS * reached[0]) if reached else None
    usable = [r for r in rates if medians[r] <= 1.1 * medians[rate]]
    return {
        "setting": rates.index(rate),
        "learning_rate": rate,
        "values": {},
        "value_edges": {},
        "edge": {rates[0]: "lowest", rates[-1]: "highest"}.get(rate),
        "final_test": spread(finals[rate]),
        "best_test": spread([min(run["test_loss"]) for run in at_best]),
        "diverged_share": float(np.mean([run["diverged"] for run in runs])),
        "usable": [min(usable), max(usable)],
        "usable_decades": float(np.log10(max(usable) / min(usable))),
        "interval": list(spread(finals[rate]).values())[1:],
        "rank": {"place": 1.0, "lowest": 1.0, "highest": 2.0},
        "steps_to_target": steps,
        "seconds_to_target": None if steps is None else 1e-3 * ms * steps,
    }


def spread(values):
    """Return median, lowest and highest."""
    low, high = float(min(values)), float(max(values))
    return {"median": float(np.median(values)), "lowest": low, "highest": high}


def _run(rate, seed, best_rate, floor, wild, ms, generator):
    distance = abs(np.log10(rate / best_rate))
    final = min(floor * (1 + 0.7 * distance**2), BEFORE) * np.exp(0.05 * generator.normal())
    decay = np.exp(-np.arange(EPOCHS + 1) / (2 + 1.5 * distance))
    loss = [float(x) for x in final + (BEFORE - final) * decay]
    if wild:
        loss = loss[:3] + [None] * (EPOCHS - 2)
    return {
        "learning_rate": rate,
        "seed": seed,
        "diverged": wild,
        "seconds": 1e-3 * ms * EPOCHS * STEPS * float(generator.uniform(0.95, 1.05)),
        "train_loss": [x and 0.97 * x for x in loss[1:]],
        "validation_loss": [x and 1.01 * x for x in loss],
        "test_loss": loss,
        "rows": {"learning_rate": [rate] * EPOCHS, "plateau_scale": [1.0] * EPOCHS},
    }


def with_telemetry(comparison):
    """Let every run have recorded a schedule, telemetry and a metric."""
    for contender in comparison["contenders"]:
        for run in contender["runs"]:
            rate, losses = run["learning_rate"], run["test_loss"][1:]
            run["rows"] |= {
                "learning_rate": list(rate * (1 + np.cos(np.linspace(0, 3, EPOCHS)))),
                "gradient_norm": [x and 3 * x for x in losses],
                "effective_rate_mean": [rate] * EPOCHS,
                "update_ratio": [rate * (x or 0) for x in losses],
                "clipped_fraction": [0.25] * EPOCHS,
                "test_psnr": [x and -10 * np.log10(x) for x in losses],
                "test_psnr_std": [0.1] * EPOCHS,
            }
    return comparison
