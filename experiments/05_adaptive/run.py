"""Do adaptive methods converge faster, need less tuning and generalise better?

Usage: python experiments/05_adaptive/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import numpy as np

from ae_optax.lab import study, training
from ae_optax.lab.figures import (
    FAINT,
    Line,
    colour,
    draw_line,
    fit_value_axis,
    line_style,
    make_panels,
    number,
    rate,
    spread_of,
)
from ae_optax.lab.plans import load_comparison

CONFIGS = Path(__file__).parents[2] / "configs"
FULL = CONFIGS / "mnist" / "rate_sensitivity.yaml", []
QUICK = CONFIGS / "digits" / "compare_optimizers.yaml", ["training.epochs=4", "compare.seeds=[0]"]
PLAIN = ("sgd", "momentum", "nesterov")
WITHIN = 1.1


def measure(quick):
    path, overrides = QUICK if quick else FULL
    record = study.compare(path, overrides)
    config = load_comparison(path, overrides)
    data = config.data.build()
    found = {}
    for contender, its in zip(config.contenders, record.contenders, strict=True):
        chosen = config.run(contender.settings[its.best.setting], 0)
        found[contender.label] = sensitivity(its) | speed(its, record) | errors(chosen, its, data)
    groups = {
        "plain": [one for name, one in found.items() if name in PLAIN],
        "adaptive": [one for name, one in found.items() if name not in PLAIN],
    }
    numbers = {
        "target": study.rounded(record.target),
        "steps_per_epoch": record.steps_per_epoch,
        "optimizers": found,
        "groups": {name: medians(its) for name, its in groups.items()},
        "rank_correlation_of_train_and_test": correlation(found.values()),
    }
    return study.Measured(study.overridden(path, overrides), numbers, seeds=record.seeds)


def sensitivity(contender):
    """Return the final loss at every rate and how far the rate may be from the best one."""
    rates = contender.learning_rates
    finals = np.array([run.test_loss[-1] for run in contender.runs])
    finals[~np.isfinite(finals)] = np.inf
    medians = np.median(finals.reshape(len(rates), -1), axis=1)
    low, high = study.rate_window(rates, medians, within=WITHIN)
    return {
        "rate": contender.best.learning_rate,
        "rates": rates,
        "over_best": study.rounded(medians / medians.min()),
        "decades": study.rounded(np.log10(high / low)),
    }


def speed(contender, record):
    """Return the curves at the best rate and when their median meets the common target."""
    its = [run for run in contender.runs if run.setting == contender.best.setting]
    curves = study.rounded([run.test_loss for run in its])
    median = spread_of(curves).median
    met = np.flatnonzero(median <= record.target)
    return {
        "curves": curves,
        "after_one_epoch": study.rounded(median[1]),
        "epochs_to_target": int(met[0]) if met.size else None,
    }


def errors(config, contender, data):
    """Return the errors on training and test images at the end, one of each for every seed."""
    seeds = sorted({run.seed for run in contender.runs})
    task, results = study.train_seeds(config, seeds, data=data)
    evaluate = jax.jit(training.make_evaluate(task))
    found = {
        part: [float(evaluate(its.state, getattr(data, part))["loss"]) for its in results]
        for part in ("train", "test")
    }
    gaps = [test / train - 1 for train, test in zip(found["train"], found["test"], strict=True)]
    return {
        part: {"median": study.rounded(np.median(values)), "seeds": study.rounded(values)}
        for part, values in (found | {"gap": gaps}).items()
    }


def medians(its):
    """Return the median optimizer of a group, in everything that is claimed of it."""
    epochs = [np.inf if one["epochs_to_target"] is None else one["epochs_to_target"] for one in its]
    return {
        "decades": study.rounded(np.median([one["decades"] for one in its])),
        "epochs_to_target": study.rounded(np.median(epochs)),
        "after_one_epoch": study.rounded(np.median([one["after_one_epoch"] for one in its])),
        "test": study.rounded(np.median([one["test"]["median"] for one in its])),
        "gap": study.rounded(np.median([one["gap"]["median"] for one in its])),
    }


def correlation(found):
    """Return Spearman's: of the ranks of the optimizers on training and on test images."""
    ranks = [
        np.argsort(np.argsort([one[part]["median"] for one in found])) for part in ("train", "test")
    ]
    return study.rounded(np.corrcoef(*ranks)[0, 1])


def pictures(found):
    return {
        "sensitivity": study.Picture(
            sensitivities(found),
            "The final test error over its least, against the learning rate over the best one, of "
            "methods that are not adaptive and of those that are.",
        ),
        "convergence": study.Picture(
            convergence(found),
            "Test error by epoch at each optimizer's best rate, and the errors on training and "
            "test images at the end.",
        ),
    }


def sensitivities(found):
    its = found.numbers["optimizers"]
    order = {name: position for position, name in enumerate(its)}
    groups = {
        "not adaptive": [name for name in its if name in PLAIN],
        "adaptive": [name for name in its if name not in PLAIN],
    }
    panels = make_panels(
        list(groups), columns=2, size=(262, 240), x="learning rate over the best one",
        y="test MSE over the least",
    )  # fmt: skip
    for axes, names in zip(panels.axes, groups.values(), strict=True):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(0.93, 22)
        axes.set_xlim(10**-2.6, 10**2.6)
        axes.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
        axes.set_xticks([0.01, 0.1, 1, 10, 100])
        axes.xaxis.set_major_formatter(lambda value, _: rate(value))
        axes.minorticks_off()
        axes.axhspan(1, WITHIN, color=FAINT, alpha=0.18, linewidth=0)
        for name in names:
            one = its[name]
            at = np.array(one["rates"]) / one["rate"]
            axes.plot(at, np.array(one["over_best"], float), label=name, **style(order[name]))
        axes.legend(
            frameon=False, fontsize=8.5, loc="upper left", ncols=3, handlelength=2.2,
            labelspacing=0.25, columnspacing=1.2, borderaxespad=0.1,
        )  # fmt: skip
    panels.axes[0].text(10**2.55, WITHIN * 1.03, "within 10 %", fontsize=8, ha="right", va="bottom")
    return panels.figure


def style(position):
    return line_style(position) | {"markersize": 3.6, "linewidth": 1.2}


def convergence(found):
    its = found.numbers["optimizers"]
    panels = make_panels(
        ["by epoch, each at its best rate", "at the end"], columns=2, size=(262, 260),
        share_x=False, share_y=False,
    )  # fmt: skip
    left, right = panels.axes
    spreads = {name: spread_of(one["curves"]) for name, one in its.items()}
    late = [type(s)(*(part[1:] for part in s)) for s in spreads.values()]
    fit_value_axis(left, late, "test MSE")
    for position, (name, spread) in enumerate(spreads.items()):
        epochs = np.arange(len(spread.median))
        draw_line(left, Line(position, name, epochs, spread), markers=False)
    left.axhline(found.numbers["target"], color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))
    left.set_xlim(1, epochs[-1])
    left.set_xticks(epochs[1:])
    left.text(1.2, found.numbers["target"] * 1.01, "target", fontsize=8, va="bottom")
    left.set_xlabel("epoch")
    handles, names = left.get_lines()[: len(its)], list(its)
    left.legend(
        handles, names, frameon=False, fontsize=8.5, loc="upper right", ncols=2,
        handlelength=2.2, labelspacing=0.25, columnspacing=1.0, borderaxespad=0,
    )  # fmt: skip
    ranked = sorted(its, key=lambda name: its[name]["test"]["median"], reverse=True)
    for row, name in enumerate(ranked):
        position, one = names.index(name), its[name]
        ends = [one[part]["median"] for part in ("train", "test")]
        right.plot(ends, [row, row], color=colour(position), linewidth=1.2)
        right.plot(ends[0], row, "o", markerfacecolor="none", color=colour(position), markersize=5)
        right.plot(ends[1], row, "o", color=colour(position), markersize=5)
        gap = f"+{100 * one['gap']['median']:.1f} %"
        right.annotate(gap, (ends[1], row), xytext=(7, 0), textcoords="offset points",
                       va="center", fontsize=8.5)  # fmt: skip
    right.set_yticks(range(len(ranked)), ranked)
    right.tick_params(axis="y", length=0)
    right.spines["left"].set_visible(False)
    low, high = right.get_xlim()
    right.set_xlim(low, high + 0.28 * (high - low))
    right.set_ylim(-0.6, len(ranked) - 0.4)
    right.set_xlabel("MSE on training (open), test (full)")
    return panels.figure


def tables(found):
    heads = ["", "best rate", "decades within 10 %", "MSE after one epoch", "epochs to target",
             "train MSE", "test MSE", "test over train"]  # fmt: skip
    rows = []
    for name, one in found.numbers["optimizers"].items():
        epochs = one["epochs_to_target"]
        rows.append(
            [
                f"`{name}`",
                rate(one["rate"]),
                f"{one['decades']:.1f}",
                number(one["after_one_epoch"]),
                "–" if epochs is None else str(epochs),
                number(one["train"]["median"]),
                number(one["test"]["median"]),
                f"{100 * one['gap']['median']:.1f} %",
            ]
        )
    return {"optimizers": study.table(heads, rows)}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
