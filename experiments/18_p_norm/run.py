"""Which norm should Adam divide by, from p = 2 to the maximum?

Usage: python experiments/18_p_norm/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import optimizers, transforms
from ae_optax.lab import data, landscapes, losses, models, study, training
from ae_optax.lab.figures import colour, draw_over_rates, make_panels, number, percent

CONFIG = Path(__file__).parents[2] / "configs/digits/p_norm.yaml"
INFINITY = "∞"
BATCH = 64
SHOWN = (-42, 42)  # Powers of ten; float64 goes further.
TITLES = {"mse": "mean over the pixels", "sse": "sum over the pixels"}
# Of the gradients, of the second moment, the ε that is as good as none, and powers of two to try.
ARITHMETIC = {
    "float64": {"gradients": "float64", "moment": "float64", "eps": 1e-300, "powers": 1000},
    "float32": {"gradients": "float32", "moment": "float32", "eps": 1e-37, "powers": 120},
    "bfloat16, moment in float32": {
        "gradients": "bfloat16", "moment": "float32", "eps": 1e-37, "powers": 120,
    },
    "float16 throughout": {
        "gradients": "float16", "moment": "float16", "eps": 1e-37, "powers": 14,
    },
}  # fmt: skip
SETUP = {
    "p": [2, 4, 8, 16, INFINITY],
    "arithmetic": ARITHMETIC,
    "stream": {"steps": 50, "seeds": [0, 1, 2]},
    "tolerance": 0.05,
    "losses": ["mse", "sse"],
    "pixels": 64,
    "gradients": {"seeds": [0, 1, 2], "epochs": [0, 20], "learning_rate": 0.01},
}
QUICK = {
    "stream": {"steps": 5, "seeds": [0]},
    "losses": ["mse"],
    "gradients": {"seeds": [0], "epochs": [0, 1], "learning_rate": 0.01},
}
QUICK_COMPARISON = [
    "training.epochs=1",
    "compare.seeds=1",
    "compare.learning_rates={start: 1e-3, stop: 1e-1, count: 3}",
    (
        "compare.contenders=[{label: p = 16, optimizer: {name: adam_p_norm, p: 16}}, "
        "{label: p = ∞, optimizer: {name: adamax}}]"
    ),
]


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = [
        [f"loss.name={loss}", *(QUICK_COMPARISON if quick else [])] for loss in setup["losses"]
    ]
    ranges = {
        name: {str(p): right_range(p, arithmetic, setup) for p in setup["p"]}
        for name, arithmetic in ARITHMETIC.items()
    }
    numbers = {"ranges": ranges, "gradients": {}, "comparisons": {}}
    for loss, words in zip(setup["losses"], overrides, strict=True):
        numbers["gradients"][loss] = gradient_sizes(loss, ranges["float32"], setup)
        record = study.compare(CONFIG, words)
        per_pixel = 1 / setup["pixels"] if loss == "sse" else 1
        numbers["comparisons"][loss] = {
            contender.label: result(contender, per_pixel) for contender in record.contenders
        }
    setup["comparisons"] = [study.overridden(CONFIG, words) for words in overrides]
    return study.Measured(setup, numbers, setup["stream"]["seeds"])


def make(p, arithmetic):
    storage = {"eps": arithmetic["eps"], "nu_dtype": arithmetic["moment"]}
    if p == INFINITY:
        return optimizers.adamax(1.0, **storage)
    return optimizers.adam_p_norm(1.0, p=p, **storage)


def right_range(p, arithmetic, setup):
    """Return the smallest and the largest size of gradients whose steps are right, if any are.

    The rule does not see the unit of the gradient, so the right steps are those at size 1 in
    float64. Sizes are powers of two: they round nothing, and leave the bits of a gradient as
    they are until it is no number of its dtype any more.
    """
    powers = np.arange(-arithmetic["powers"], arithmetic["powers"] + 1)
    worst = np.zeros(len(powers))
    with jax.enable_x64(True):
        for seed in setup["stream"]["seeds"]:
            drawn = np.random.default_rng(seed).normal(size=(setup["stream"]["steps"], 1))
            drawn = np.asarray(jnp.asarray(drawn, arithmetic["gradients"]), np.float64)
            right = landscapes.updates_of(make(p, ARITHMETIC["float64"]), drawn)
            scaled = jnp.asarray(drawn * 2.0**powers, arithmetic["gradients"])
            steps = landscapes.updates_of(make(p, arithmetic), scaled)
            off = np.abs(np.asarray(steps, np.float64) - np.asarray(right))
            worst = np.maximum(worst, np.nan_to_num(off, nan=np.inf).max(axis=0))
    wrong = powers[worst > setup["tolerance"]]
    smallest = wrong[wrong < 0].max(initial=powers[0] - 1) + 1
    largest = wrong[wrong >= 0].min(initial=powers[-1] + 1) - 1
    if smallest > largest:
        return None
    return {"smallest": float(f"{2.0**smallest:.3g}"), "largest": float(f"{2.0**largest:.3g}")}


def gradient_sizes(name, ranges, setup):
    """Return how large the gradients of an autoencoder are, and which share is too small.

    Over all coordinates whose gradient is not zero, of one batch for each seed, before training
    and after it.
    """
    images = jnp.asarray(data.digits().train)
    task = training.Task(models.mlp_autoencoder([32], 8), getattr(losses, name)())
    adam = optimizers.adam(setup["gradients"]["learning_rate"])
    epoch = jax.jit(training.make_epoch(training.make_step(task, adam), BATCH))
    probe = transforms.scale_by_momentum(0.0)  # Without a memory it is the last gradient.
    look = jax.jit(training.make_step(task, probe))
    sizes = {epochs: [] for epochs in setup["gradients"]["epochs"]}
    for seed in setup["gradients"]["seeds"]:
        state = training.init_state(task.model, adam, images, seed)
        for done in range(max(sizes) + 1):
            if done in sizes:
                seen, _ = look(state._replace(opt_state=probe.init(state.params)), images[:BATCH])
                sizes[done] += jax.tree.leaves(seen.opt_state.trace)
            state, _ = epoch(state, images)
    return {str(epochs): spread_of_sizes(found, ranges) for epochs, found in sizes.items()}


def spread_of_sizes(gradients, ranges):
    sizes = np.abs(np.concatenate([np.ravel(leaf) for leaf in gradients]))
    sizes = sizes[sizes > 0]
    shares = {p: float(np.mean(sizes < found["smallest"])) for p, found in ranges.items() if found}
    low, median, high = np.quantile(sizes, [0.05, 0.5, 0.95])
    return {
        "low": study.rounded(low),
        "median": study.rounded(median),
        "high": study.rounded(high),
        "too_small": shares,
    }


def result(contender, scale):
    """Return what a contender came to, its losses times ``scale``."""
    best, rates = contender.best, study.losses_at_rates(contender)
    return {
        "learning_rate": best and best.learning_rate,
        "test_loss": best and {k: scaled(v, scale) for k, v in vars(best.final_test).items()},
        "diverged": sum(run.diverged for run in contender.runs),
        "runs": len(contender.runs),
        "at_rates": rates
        | {"test_loss": [[scaled(x, scale) for x in its] for its in rates["test_loss"]]},
    }


def scaled(loss, scale):
    return None if loss is None else study.rounded(loss * scale)


def pictures(found):
    return {
        "ranges": study.Picture(
            of_ranges(found),
            "For which sizes of gradients the step is right, for each p in four arithmetics.",
        ),
        "rates": study.Picture(
            at_rates(found),
            "The test loss of an autoencoder at every learning rate, for each p.",
        ),
    }


def of_ranges(found):
    """Draw a bar for each p from the smallest to the largest size, in powers of ten."""
    ps, ranges = found.setup["p"], found.numbers["ranges"]
    panels = make_panels(
        list(ranges), columns=2, size=(250, 120), x="size of the gradients, power of ten", y="p"
    )
    for axes, its in zip(panels.axes, ranges.values(), strict=True):
        for i, p in enumerate(ps):
            if its[str(p)]:
                ends = np.log10(list(its[str(p)].values()))
                axes.plot(np.clip(ends, *SHOWN), [-i, -i], color=colour(i), linewidth=5)
        axes.set_yticks(-np.arange(len(ps)), [str(p) for p in ps])
        axes.set_xlim(*SHOWN)
        axes.set_ylim(0.6 - len(ps), 0.6)
    mse = found.numbers["gradients"]["mse"]
    for sizes in mse.values():
        ends = np.log10([sizes["low"], sizes["high"]])
        panels.axes[1].axvspan(*ends, color=colour(7), alpha=0.25, linewidth=0)
    return panels.figure


def at_rates(found):
    comparisons = found.numbers["comparisons"]
    labels = list(comparisons["mse"])
    panels = make_panels(
        [TITLES[loss] for loss in comparisons],
        columns=2,
        size=(250, 190),
        x="learning rate",
        y="test squared error of a pixel",
        key=[*enumerate(labels)],
    )
    at_rates = [[its[label]["at_rates"] for label in labels] for its in comparisons.values()]
    draw_over_rates(panels.axes, at_rates)
    return panels.figure


def tables(found):
    ps, ranges = found.setup["p"], found.numbers["ranges"]
    heads = ["", *(f"p = {p}" for p in ps)]
    rows = [[name, *(range_of(its[str(p)]) for p in ps)] for name, its in ranges.items()]
    for loss, found_sizes in found.numbers["gradients"].items():
        for epochs, sizes in found_sizes.items():
            cells = [percent(sizes["too_small"][str(p)]) for p in ps]
            rows.append([f"too small in float32: {loss}, after {epochs} epochs", *cells])
    labels = list(found.numbers["comparisons"]["mse"])
    losses = [
        [TITLES[loss], *(chosen(its[label]) for label in labels)]
        for loss, its in found.numbers["comparisons"].items()
    ]
    return {
        "ranges": study.table(heads, rows),
        "losses": study.table(["test loss (rate)", *labels], losses),
    }


def range_of(found):
    return "none" if found is None else "–".join(map(number, found.values()))


def chosen(contender):
    diverged = f"{contender['diverged']} of {contender['runs']} diverged"
    if contender["test_loss"] is None:
        return diverged
    return f"{study.best_cell(contender)}; {diverged}"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
