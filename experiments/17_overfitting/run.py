"""Do cross-entropy or penalties of the weights keep a small training set from being overfitted?

Usage: python experiments/17_overfitting/run.py [--quick | --redraw]
"""

import json
from pathlib import Path

import jax
import numpy as np

from ae_optax.lab import study, training
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
from ae_optax.lab.plans import load_run

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "overfitting.yaml"
SETUP = {
    # The cross-entropy takes logits, the squared error pixels.
    "losses": {"cross-entropy": ("bce_mean", "linear"), "squared error": ("mse", "sigmoid")},
    "weights": {"L1": [1e-7, 1e-6, 1e-5], "L2": [1e-6, 1e-5, 1e-4]},
    "closest_to_0_and_1": 1e-6,
    "seeds": [0, 1, 2],
    "overrides": [],
}
QUICK = {
    "weights": {"L1": [1e-4], "L2": [1e-3]},
    "seeds": [0],
    "overrides": ["data={name: digits}", "training.epochs=10"],
}
PENALTIES = {"none": None, "L1": "l1_penalty", "L2": "l2_penalty"}
PARTS = ("train", "validation", "test")


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    data = load_run(CONFIG, setup["overrides"]).data.build()
    found = {
        loss: {
            penalty: best_of(loss, penalty, weights_of(penalty, setup), setup, data)
            for penalty in PENALTIES
        }
        for loss in setup["losses"]
    }
    for arms in found.values():
        for one in arms.values():
            plain = arms["none"]["mse"]["test"]["median"]
            one["below_plain"] = study.rounded(1 - one["mse"]["test"]["median"] / plain)
    config = study.overridden(CONFIG, setup["overrides"])
    return study.Measured({**setup, "config": config}, {"arms": found}, seeds=setup["seeds"])


def weights_of(penalty, setup):
    return [None] if penalty == "none" else setup["weights"][penalty]


def best_of(loss, penalty, weights, setup, data):
    """Train at every weight and return what the one that validation chooses comes to."""
    tried = [trained(loss, penalty, weight, setup, data) for weight in weights]
    best = min(tried, key=lambda one: one["mse"]["validation"]["median"])
    seen = {rate(one["weight"]): one["mse"]["test"]["median"] for one in tried if one["weight"]}
    return best | {"test_mse_at_weights": seen}


def trained(loss, penalty, weight, setup, data):
    """Train from every seed and return the errors at the end, all measured alike."""
    name, output = setup["losses"][loss]
    words = {"name": name}
    if weight is not None:
        words = {"name": "total", "terms": [words, {"name": PENALTIES[penalty], "weight": weight}]}
    overrides = [*setup["overrides"], f"model.output={output}", f"loss={json.dumps(words)}"]
    config = load_run(CONFIG, overrides)
    # The test images are seen once, at the end: to follow them would take most of the time.
    followed = data.with_splits(test=data.test[:1])
    task, results = study.train_seeds(config, setup["seeds"], data=followed)
    reconstruct = jax.jit(training.make_reconstruct(task))
    errors = [
        {
            part: of_pixels(
                getattr(data, part), reconstruct(its.state, getattr(data, part)).outputs, setup
            )
            for part in PARTS
        }
        for its in results
    ]
    curves = np.array([its.rows["validation_mse"] for its in results])
    return {
        "weight": weight,
        "mse": spreads(errors, 0),
        "excess": spreads(errors, 1),
        "gap": study.rounded(np.median([e["test"][0] / e["train"][0] for e in errors])),
        "lowest_validation_mse": study.rounded(np.median(curves.min(axis=1))),
        "in_epoch": int(np.median(curves.argmin(axis=1))) + 1,
        "validation_mse": study.rounded(curves),
    }


def of_pixels(images, outputs, setup):
    """Return the squared error and the cross-entropy above the images' own, per pixel."""
    closest = setup["closest_to_0_and_1"]
    x, r = np.asarray(images, np.float64), np.asarray(outputs, np.float64)
    p = np.clip(r, closest, 1 - closest)
    cross = -(x * np.log(p) + (1 - x) * np.log1p(-p))
    own = -(xlogx(x) + xlogx(1 - x))
    return float(np.mean(np.square(x - r))), float(np.mean(cross - own))


def xlogx(x):
    return x * np.log(np.where(x > 0, x, 1))


def spreads(errors, which):
    """Return median, lowest and highest over seeds of one kind of error."""
    found = {}
    for part in PARTS:
        values = [error[part][which] for error in errors]
        found[part] = {
            "median": study.rounded(np.median(values)),
            "lowest": study.rounded(np.min(values)),
            "highest": study.rounded(np.max(values)),
        }
    return found


def pictures(found):
    described = (
        "Above, validation error by epoch without a penalty and with each; below, errors on "
        "training and test images at the end; for cross-entropy and squared error."
    )
    return {"overfitting": study.Picture(overfitting(found), described)}


def overfitting(found):
    arms = found.numbers["arms"]
    panels = make_panels(
        [f"trained by {loss}" for loss in arms] + [""] * len(arms), columns=len(arms),
        size=(262, 175), share_x=False, share_y=False,
        key=[(i, "no penalty" if name == "none" else name) for i, name in enumerate(PENALTIES)],
    )  # fmt: skip
    above, below = panels.axes[: len(arms)], panels.axes[len(arms) :]
    every = [spread_of(one["validation_mse"]) for its in arms.values() for one in its.values()]
    late = [type(s)(*(part[len(part) // 10 :] for part in s)) for s in every]
    ends = [one["mse"][part][end] for its in arms.values() for one in its.values()
            for part in ("train", "test") for end in ("lowest", "highest")]  # fmt: skip
    for axes, bars, its in zip(above, below, arms.values(), strict=True):
        fit_value_axis(axes, late, "")
        for position, one in enumerate(its.values()):
            spread = spread_of(one["validation_mse"])
            epochs = np.arange(1, len(spread.median) + 1)
            draw_line(axes, Line(position, "", epochs, spread), markers=False)
        axes.set_xlabel("epoch")
        draw_ends(bars, its)
        bars.set_xlim(0, max(ends) * 1.25)
    above[0].set_ylabel("validation MSE")
    return panels.figure


def draw_ends(axes, its):
    """Draw training and test error of each arm, joined by a line, with the test error written."""
    for row, one in enumerate(its.values()):
        train, test = (one["mse"][part] for part in ("train", "test"))
        shade = {"color": colour(row)}
        axes.plot([train["median"], test["median"]], [row, row], linewidth=1.2, **shade)
        for part, face in ((train, "none"), (test, colour(row))):
            axes.plot(
                [part["lowest"], part["highest"]], [row, row], linewidth=3, alpha=0.4, **shade
            )
            axes.plot(part["median"], row, "o", markersize=6, markerfacecolor=face, **shade)
        axes.annotate(
            number(test["median"]), (test["highest"], row), xytext=(8, 0), va="center",
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    axes.set_yticks(range(len(its)), ["none", *list(its)[1:]])
    axes.set_ylim(len(its) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("MSE at the end: training (open), test (full)")


def tables(found):
    heads = ["trained by", "penalty", "weight", "train MSE", "test MSE", "seeds", "test / train",
             "train excess", "test excess", "lowest validation MSE", "in epoch"]  # fmt: skip
    rows = []
    for loss, arms in found.numbers["arms"].items():
        for penalty, one in arms.items():
            test = one["mse"]["test"]
            rows.append(
                [
                    loss,
                    penalty,
                    rate(one["weight"]),
                    number(one["mse"]["train"]["median"]),
                    number(test["median"]),
                    f"{number(test['lowest'])}–{number(test['highest'])}",
                    f"{one['gap']:.2f}",
                    number(one["excess"]["train"]["median"]),
                    number(one["excess"]["test"]["median"]),
                    number(one["lowest_validation_mse"]),
                    str(one["in_epoch"]),
                ]
            )
    return {"errors": study.table(heads, rows)}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
