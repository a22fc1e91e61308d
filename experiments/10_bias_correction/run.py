"""Does bias correction keep the first steps from being erratic?

Usage: python experiments/10_bias_correction/run.py [--quick | --redraw]
"""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import optimizers, transforms
from ae_optax.lab import data, landscapes, losses, models, study, training
from ae_optax.lab.figures import (
    Line,
    Spread,
    draw_line,
    draw_over_rates,
    fit_value_axis,
    make_panels,
    number,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs/digits/bias_correction.yaml"
KINDS = {"adam": "corrected", "adam_uncorrected": "uncorrected"}
KEY = [*enumerate(KINDS.values())]
SUFFIXES = ("", " uncorrected")  # Of the labels in the comparison.
SETUP = {
    "b1": 0.9,
    "b2": [0.9, 0.99, 0.999, 0.9999],
    "steps": 100,
    "seeds": [0, 1, 2],
    "learning_rate": 0.01,
    "valley": {"curvatures": [0.1, 1.0], "start": [1.0, 0.5], "gradient_noise": 0.1},
    "autoencoder": {"model": "64-32-8-32-64", "loss": "mse", "batch_size": 64},
    "epochs": [5, 40],
}
QUICK = {"b2": [0.999], "steps": 20, "seeds": [0, 1], "epochs": [1]}
QUICK_COMPARISON = [
    "compare.seeds=1",
    "compare.learning_rates={start: 1e-3, stop: 1e-1, count: 3}",
    (
        "compare.contenders=[{label: '0.999', optimizer: {name: adam}}, "
        "{label: 0.999 uncorrected, optimizer: {name: adam_uncorrected}}]"
    ),
]


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = [
        [f"training.epochs={epochs}", *(QUICK_COMPARISON if quick else [])]
        for epochs in setup["epochs"]
    ]
    numbers = {"first_step": first_steps(setup), "steps": {}, "comparisons": {}}
    for name, watch in {"valley": in_valley, "autoencoder": of_autoencoder}.items():
        numbers["steps"][name] = [
            {kind: watch(kind, b2, setup) for kind in KINDS} for b2 in setup["b2"]
        ]
    for words in overrides:
        record = study.compare(CONFIG, words)
        numbers["comparisons"][str(record.epochs * record.steps_per_epoch)] = {
            contender.label: study.best_of(contender) for contender in record.contenders
        }
    setup["comparisons"] = [study.overridden(CONFIG, words) for words in overrides]
    return study.Measured(setup, numbers, setup["seeds"])


def make(kind, b2, setup):
    return getattr(optimizers, kind)(setup["learning_rate"], b1=setup["b1"], b2=b2)


def first_steps(setup):
    """Return the length of the first step without the correction, in lengths of the one with it."""
    return [float((1 - setup["b1"]) / np.sqrt(1 - b2)) for b2 in setup["b2"]]


def in_valley(kind, b2, setup):
    """Return step lengths and losses on a valley whose gradients are noisy."""
    curvatures, start, spread = setup["valley"].values()
    valley = landscapes.valley(curvatures)

    def run(seed):
        noise = np.random.default_rng(seed).normal(0, spread, (setup["steps"], len(start)))
        noise = jnp.asarray(noise, jnp.float32)
        found = landscapes.descend(
            make(kind, b2, setup),
            valley,
            start,
            setup["steps"],
            sample=lambda x, t: valley(x) + jnp.dot(noise[t], x),
        )
        moved = np.diff(found.positions, axis=0)
        return np.sqrt(np.mean(moved**2, axis=1)) / setup["learning_rate"], found.losses

    return summary([run(seed) for seed in setup["seeds"]])


def of_autoencoder(kind, b2, setup):
    """Return step lengths, and losses over all training images, of an autoencoder of digits."""
    images = jnp.asarray(data.digits().train)
    task = training.Task(models.mlp_autoencoder([32], 8), losses.mse())
    optimizer = make(kind, b2, setup)
    take = training.make_step(task, optimizer)
    evaluate = training.make_evaluate(task, batch_size=len(images))
    size = setup["autoencoder"]["batch_size"]

    @jax.jit
    def run(seed):
        def step(state, _):
            key = training.key_for(state, "order")
            batch = jax.random.choice(key, images, (size,), replace=False)
            after, _ = take(state, batch, None)
            moved = jax.tree.map(jnp.subtract, after.params, state.params)
            return after, (transforms.global_norm(moved), evaluate(after, images)["loss"])

        state = training.init_state(task.model, optimizer, images, seed)
        count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        _, (norms, after) = jax.lax.scan(step, state, length=setup["steps"])
        before = evaluate(state, images)["loss"]
        return norms / (count**0.5 * setup["learning_rate"]), jnp.append(before, after)

    return summary([run(seed) for seed in setup["seeds"]])


def summary(runs):
    """Return both curves of all seeds, the losses over the first; and the longest step."""
    lengths, curves = (
        np.stack([np.asarray(one) for one in each]) for each in zip(*runs, strict=True)
    )
    return {
        "length": as_lists(lengths),
        "loss": as_lists(curves / curves[:, :1]),
        "longest": float(np.median(lengths.max(axis=1))),
        "highest_loss": float(np.median((curves / curves[:, :1]).max(axis=1))),
        "last_loss": float(np.median(curves[:, -1] / curves[:, 0])),
    }


def as_lists(curves):
    """Return median, lowest and highest over seeds, to the digits that can be seen."""
    return [[float(f"{x:.3g}") for x in curve] for curve in spread_of(curves)]


def pictures(found):
    setup, numbers = found.setup, found.numbers
    return {
        "lengths": study.Picture(
            curves(setup, numbers["steps"], "length", "root mean square step, in learning rates"),
            "How long each of the first steps is with and without bias correction, for four decays "
            "of the second moment, on a noisy valley and in an autoencoder.",
        ),
        "losses": study.Picture(
            curves(setup, numbers["steps"], "loss", "loss, of the first"),
            "The losses after these steps, relative to the loss before the first.",
        ),
        "rates": study.Picture(
            at_rates(setup, numbers["comparisons"]),
            "The test loss at every learning rate, with and without bias correction, after "
            "a hundred steps and after a whole training.",
        ),
    }


def curves(setup, steps, name, label):
    """Draw a row of panels for each problem, with limits of its own."""
    columns = len(setup["b2"])
    panels = make_panels(
        [f"{where}, β₂ = {b2}" for where in steps for b2 in setup["b2"]],
        columns=columns,
        size=(185, 135),
        x="step",
        y=label,
        key=KEY,
        share_y=False,
    )
    first = 1 if name == "length" else 0
    for row, runs in enumerate(steps.values()):
        spreads = [[Spread(*np.array(one[kind][name])) for kind in KINDS] for one in runs]
        for column, pair in enumerate(spreads):
            axes = panels.axes[row * columns + column]
            fit_value_axis(axes, [*itertools.chain(*spreads)], "")
            for i, spread in enumerate(pair):
                x = first + np.arange(len(spread.median))
                draw_line(axes, Line(i, "", x, spread), markers=False)
    return panels.figure


def at_rates(setup, comparisons):
    panels = make_panels(
        [f"{steps} steps, β₂ = {b2}" for steps in comparisons for b2 in setup["b2"]],
        columns=len(setup["b2"]),
        size=(185, 135),
        x="learning rate",
        y="test loss",
        key=KEY,
    )
    found = [
        [contenders[f"{b2}{suffix}"]["at_rates"] for suffix in SUFFIXES]
        for contenders in comparisons.values()
        for b2 in setup["b2"]
    ]
    draw_over_rates(panels.axes, found)
    return panels.figure


def tables(found):
    setup, numbers = found.setup, found.numbers
    heads = ["", *(f"β₂ = {b2}" for b2 in setup["b2"])]
    rows = [["first step, of the corrected, by formula", *map(number, numbers["first_step"])]]
    for where, runs in numbers["steps"].items():
        for kind, word in KINDS.items():
            cells = [number(one[kind]["longest"]) for one in runs]
            rows.append([f"longest step, {where}, {word}", *cells])
    for where, runs in numbers["steps"].items():
        for kind, word in KINDS.items():
            cells = [number(one[kind]["last_loss"]) for one in runs]
            rows.append([f"loss after {setup['steps']} steps, {where}, {word}", *cells])
    best = []
    for steps, contenders in numbers["comparisons"].items():
        for suffix, word in zip(SUFFIXES, KINDS.values(), strict=True):
            cells = [study.best_cell(contenders[f"{b2}{suffix}"]) for b2 in setup["b2"]]
            best.append([f"{steps} steps, {word}", *cells])
    return {
        "steps": study.table(heads, rows),
        "best": study.table(["test loss (rate)", *heads[1:]], best),
    }


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
