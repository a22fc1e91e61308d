"""Does a rate that is reduced on plateaus end lower than a constant one?

Usage: python experiments/03_plateau/run.py [--quick | --redraw]
"""

import json
from pathlib import Path

import numpy as np

from ae_optax.lab import study
from ae_optax.lab.figures import (
    Line,
    colour,
    draw_line,
    fit_value_axis,
    make_panels,
    number,
    rate,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "reduce_on_plateau.yaml"
SETUP = {
    "learning_rates": {"adam": [0.003, 0.01, 0.03], "momentum": [3, 10, 30]},
    "plateau": {"factor": 0.2, "patience": 5, "mode": "min"},
    "lowest_rate": 1e-5,
    "seeds": [0, 1, 2],
    "overrides": [],
}
QUICK = {
    "learning_rates": {"adam": [0.1], "momentum": [10]},
    "plateau": {"factor": 0.2, "patience": 0, "mode": "min"},
    "seeds": [0],
    "overrides": ["data={name: digits}", "training.epochs=8"],
}
ARMS = ("constant", "reduced")


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    arms = [
        (name, learning_rate, arm)
        for name, learning_rates in setup["learning_rates"].items()
        for learning_rate in learning_rates
        for arm in ARMS
    ]
    optimizers = {arm: optimizer(*arm, setup) for arm in arms}
    section = {"over": {"optimizer": list(optimizers.values())}, "seeds": setup["seeds"]}
    swept = study.sweep(CONFIG, [*setup["overrides"], f"sweep={json.dumps(section)}"])
    found = {
        name: [
            {
                "rate": learning_rate,
                **{arm: summary(swept, optimizers[name, learning_rate, arm]) for arm in ARMS},
            }
            for learning_rate in learning_rates
        ]
        for name, learning_rates in setup["learning_rates"].items()
    }
    numbers = {"optimizers": found, "gains": {name: gain(its) for name, its in found.items()}}
    config = study.overridden(CONFIG, setup["overrides"])
    return study.Measured({**setup, "config": config}, numbers, seeds=setup["seeds"])


def optimizer(name, learning_rate, arm, setup):
    """Return a constant rate, or one that plateaus reduce, in the words of a config."""
    constant = {"name": name, "learning_rate": learning_rate}
    if arm == "constant":
        return constant
    scale = float(f"{setup['lowest_rate'] / learning_rate:.6g}")
    plateau = {"name": "reduce_on_plateau", **setup["plateau"], "min_scale": scale}
    return {"chain": [constant, plateau]}


def summary(swept, words):
    """Return the curves of a trial and where its rate fell, one of each for every seed."""
    trial = next(t for t in swept.record.trials if t.values["optimizer"] == words)
    rows = [swept.rows[run.run] for run in trial.runs]
    return {
        "validation": study.rounded(np.median([its[-1].validation_loss for its in rows])),
        "test": study.rounded(np.median([its[-1].test_loss for its in rows])),
        "test_mse": study.rounded([[row.test_loss for row in its] for its in rows]),
        "rate_in_force": study.rounded([[row.learning_rate for row in its] for its in rows]),
        "reduced_in_epochs": [reductions(its) for its in rows],
        "jitter": study.rounded(np.median([jitter(its) for its in rows])),
    }


def reductions(rows):
    """Return the epochs that were trained at a lower rate than the one before."""
    scales = [row.plateau_scale for row in rows]
    return [i + 1 for i in range(1, len(scales)) if scales[i] < scales[i - 1]]


def jitter(rows):
    """Return by how much the test error changes from epoch to epoch, over the last quarter."""
    last = np.array([row.test_loss for row in rows])[-max(2, len(rows) // 4) :]
    return float(np.mean(np.abs(np.diff(last))) / np.mean(last))


def gain(its):
    """Return what the reduction gains at every rate, and where both have chosen their own."""
    chosen = {arm: min(its, key=lambda one: one[arm]["validation"]) for arm in ARMS}
    constant, reduced = (chosen[arm][arm]["test"] for arm in ARMS)
    return {
        "chosen": {arm: chosen[arm]["rate"] for arm in ARMS},
        "test": {"constant": constant, "reduced": reduced},
        "share": study.rounded(1 - reduced / constant),
        "at_rates": {
            rate(one["rate"]): study.rounded(1 - one["reduced"]["test"] / one["constant"]["test"])
            for one in its
        },
    }


def pictures(found):
    described = (
        "Test error by epoch at a constant rate and at one reduced on plateaus, for two "
        "optimizers, with the learning rates in force below."
    )
    return {"curves": study.Picture(curves(found), described)}


def curves(found):
    shown = {}
    for name, its in found.numbers["optimizers"].items():
        chosen = found.numbers["gains"][name]["chosen"]["reduced"]
        shown[name] = next(one for one in its if one["rate"] == chosen)
    titles = [f"{name} from {rate(one['rate'])}" for name, one in shown.items()]
    panels = make_panels(
        [*titles, *[""] * len(titles)], columns=len(titles), size=(262, 165), x="epoch",
        share_y=False, key=[(1, "constant rate"), (0, "reduced on plateaus")],
    )  # fmt: skip
    above, below = panels.axes[: len(titles)], panels.axes[len(titles) :]
    for column, one in enumerate(shown.values()):
        for axes, key in ((above[column], "test_mse"), (below[column], "rate_in_force")):
            spreads = {arm: spread_of(one[arm][key]) for arm in reversed(ARMS)}
            visible = [
                type(s)(*(part[2:] for part in s)) if key == "test_mse" else s
                for s in spreads.values()
            ]
            fit_value_axis(axes, visible, "")
            for arm, spread in spreads.items():
                epochs = np.arange(1, len(spread.median) + 1)
                line = Line(1 - ARMS.index(arm), "", epochs, spread)
                if key == "test_mse":
                    draw_line(axes, line, markers=False)
                    continue
                for seed in one[arm][key]:
                    axes.plot(
                        epochs, seed, color=colour(line.position), linewidth=1.2, alpha=0.75,
                        drawstyle="steps-pre",
                    )  # fmt: skip
    above[0].set_ylabel("test MSE")
    below[0].set_ylabel("learning rate in force")
    panels.figure.align_ylabels()
    return panels.figure


def tables(found):
    heads = ["optimizer, first rate", "constant", "reduced", "gain", "reduced in epochs (per seed)"]
    heads += ["jitter, constant", "jitter, reduced"]
    rows = []
    for name, its in found.numbers["optimizers"].items():
        for one in its:
            epochs = "; ".join(
                ", ".join(map(str, seed)) or "never" for seed in one["reduced"]["reduced_in_epochs"]
            )
            share = found.numbers["gains"][name]["at_rates"][rate(one["rate"])]
            rows.append(
                [
                    f"`{name}`, {rate(one['rate'])}",
                    *(number(one[arm]["test"]) + mark(found, name, one, arm) for arm in ARMS),
                    f"{100 * share:.1f} %",
                    epochs,
                    *(f"{100 * one[arm]['jitter']:.2f} %" for arm in ARMS),
                ]
            )
    return {"gains": study.table(heads, rows)}


def mark(found, name, one, arm):
    return " *" if found.numbers["gains"][name]["chosen"][arm] == one["rate"] else ""


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
