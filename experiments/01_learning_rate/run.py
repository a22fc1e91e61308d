"""Is the learning rate the number that matters most, and how wide is what works?

Usage: python experiments/01_learning_rate/run.py [--quick | --redraw]
"""

from pathlib import Path

import numpy as np

from ae_optax.lab import study
from ae_optax.lab.figures import (
    FAINT,
    Line,
    colour,
    draw_line,
    fit_value_axis,
    make_panels,
    number,
    rate,
    spread_of,
)
from ae_optax.lab.plans import load_comparison

CONFIGS = Path(__file__).parents[2] / "configs"
FULL = CONFIGS / "mnist" / "rate_sensitivity.yaml", []
QUICK = CONFIGS / "digits" / "compare_optimizers.yaml", ["training.epochs=4", "compare.seeds=[0]"]
SHOWN = ("momentum", "adam")
WITHIN = {"10 %": 1.1, "a factor of 2": 2.0}
# Position of each regime's colour, from the rate too low to the one too high.
REGIMES = {"too low": 4, "well chosen": 0, "too high": 1}


def measure(quick):
    path, overrides = QUICK if quick else FULL
    record = study.compare(path, overrides)
    blank = of_mean_image(load_comparison(path, overrides).data.build())
    found = {c.label: summary(c, blank) for c in record.contenders}
    curves = {name: shown(record, name, found[name]) for name in SHOWN}
    numbers = {
        "mean_image": blank,
        "optimizers": found,
        "curves": curves,
        "over_all": over_all(found.values()),
    }
    return study.Measured(study.overridden(path, overrides), numbers, seeds=record.seeds)


def of_mean_image(data):
    """Return the test error of answering every image with the mean of the training images."""
    return float(np.mean(np.square(data.test - data.train.mean(axis=0))))


def summary(contender, blank):
    """Return what a contender's grid found: its losses, regimes and windows."""
    rates = contender.learning_rates
    finals = np.array([run.test_loss[-1] for run in contender.runs])
    finals = np.where(np.isfinite(finals), finals, np.inf).reshape(len(rates), -1)
    medians, best = np.median(finals, axis=1), contender.best.learning_rate
    least = medians[rates.index(best)]
    low = [r for r, loss in zip(rates, medians, strict=True) if r < best and loss >= 2 * least]
    high = [r for r, loss in zip(rates, medians, strict=True) if r > best and loss >= blank]
    windows = {name: study.rate_window(rates, medians, within=w) for name, w in WITHIN.items()}
    return {
        "rates": rates,
        "test_mse": study.rounded(finals),
        "best": study.rounded(least),
        "diverging": high,
        "regimes": {
            "too low": max(low, default=None),
            "well chosen": best,
            "too high": min(high, default=None),
        },
        "windows": {
            name: {
                "from": study.rounded(a),
                "to": study.rounded(b),
                "decades": study.rounded(np.log10(b / a)),
            }
            for name, (a, b) in windows.items()
        },
        "worst_over_best": study.rounded(np.max(finals) / least),
    }


def shown(record, name, found):
    """Return the curves over epochs of every rate of a contender, by regime or none."""
    contender = next(c for c in record.contenders if c.label == name)
    regimes = {r: regime for regime, r in found["regimes"].items() if r is not None}
    curves = []
    for learning_rate in contender.learning_rates:
        its = [run for run in contender.runs if run.learning_rate == learning_rate]
        curves.append(
            {
                "rate": learning_rate,
                "regime": regimes.get(learning_rate),
                "test_mse": study.rounded([run.test_loss for run in its]),
            }
        )
    return curves


def over_all(found):
    """Return what the rate decides, and what the optimizer does once its rate is chosen."""
    best = [one["best"] for one in found]
    decades = {name: [one["windows"][name]["decades"] for one in found] for name in WITHIN}
    worst = np.median([one["worst_over_best"] for one in found])
    return {
        "least_best": min(best),
        "greatest_best": max(best),
        "greatest_over_least_best": study.rounded(max(best) / min(best)),
        "decades": {
            name: {
                "narrowest": min(widths),
                "widest": max(widths),
                "median": study.rounded(np.median(widths)),
            }
            for name, widths in decades.items()
        },
        "median_worst_over_best": study.rounded(worst),
    }


def pictures(found):
    return {
        "regimes": study.Picture(
            regimes(found),
            f"Test error by epoch of {' and '.join(found.numbers['curves'])} at nine learning "
            "rates each; one too low, one well chosen and one too high are coloured.",
        ),
        "windows": study.Picture(
            windows(found),
            "The learning rates of ten optimizers: tried, best, within 10 % and a factor of 2 of "
            "the best, and diverging.",
        ),
    }


def regimes(found):
    curves, blank = found.numbers["curves"], found.numbers["mean_image"]
    panels = make_panels(
        [f"{name}, nine learning rates" for name in curves],
        columns=2,
        size=(262, 235),
        x="epoch",
        y="test MSE",
        share_x=True,
    )
    spreads = {
        name: [spread_of(numbers(curve["test_mse"])) for curve in its]
        for name, its in curves.items()
    }
    every = [spread for its in spreads.values() for spread in its]
    for axes, (name, its) in zip(panels.axes, curves.items(), strict=True):
        fit_value_axis(axes, every, "")
        epochs = np.arange(len(every[0].median))
        axes.set_xlim(0, epochs[-1] * 1.62)  # Room for the names.
        axes.set_xticks([x for x in epochs if x % max(1, len(epochs) // 5) == 0])
        axes.axhline(blank, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.text(epochs[-1] * 1.61, blank * 0.985, "mean image", ha="right", va="top", fontsize=8)
        for curve, spread in zip(its, spreads[name], strict=True):
            if curve["regime"] is None:
                axes.plot(epochs, spread.median, color=FAINT, linewidth=0.7, alpha=0.6)
                continue
            position = REGIMES[curve["regime"]]
            draw_line(axes, Line(position, "", epochs, spread), markers=False)
            name_curve(axes, curve, epochs[-1], spread.median[-1], position)
            if curve["rate"] in found.numbers["optimizers"][name]["diverging"]:
                axes.plot(
                    epochs[-1], spread.median[-1], "X", color=colour(position), markersize=7,
                    markeredgewidth=0,
                )  # fmt: skip
    return panels.figure


def name_curve(axes, curve, x, y, position):
    text = f"{curve['regime']}\n{rate(curve['rate'])}"
    axes.annotate(
        text, (x, y), xytext=(8, 0), textcoords="offset points", color=colour(position),
        va="center", fontsize=8.5, linespacing=1.15,
    )  # fmt: skip


def windows(found):
    its = found.numbers["optimizers"]
    panels = make_panels([""], columns=1, size=(520, 27 * len(its) + 60), x="learning rate")
    (axes,) = panels.axes
    axes.set_xscale("log")
    axes.set_yticks(range(len(its)), list(its))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(its) - 0.4, -1.0)
    rates = [r for one in its.values() for r in one["rates"]]
    axes.set_xlim(min(rates) / 2, max(rates) * 2)
    axes.set_xticks([10.0**k for k in range(-5, 4) if min(rates) / 2 < 10.0**k < max(rates) * 2])
    axes.xaxis.set_major_formatter(lambda value, _: rate(value))
    axes.minorticks_off()
    for row, one in enumerate(its.values()):
        for name, width in (("a factor of 2", 3.0), ("10 %", 9.0)):
            window = one["windows"][name]
            axes.plot(
                [window["from"], window["to"]], [row, row], color=colour(0), linewidth=width,
                alpha=0.45, solid_capstyle="butt",
            )  # fmt: skip
        fine = [r for r in one["rates"] if r not in one["diverging"]]
        axes.plot(fine, [row] * len(fine), "o", color=FAINT, markersize=2.4)
        axes.plot(
            one["diverging"], [row] * len(one["diverging"]), "x", color=colour(1), markersize=6
        )
        axes.plot(one["regimes"]["well chosen"], row, "o", color=colour(0), markersize=6.5)
    key(axes)
    return panels.figure


def key(axes):
    """Name the marks above the rows."""
    handles = [
        axes.plot([], [], "o", color=colour(0), markersize=6.5, label="best")[0],
        axes.plot([], [], color=colour(0), linewidth=9, alpha=0.6, label="within 10 %")[0],
        axes.plot([], [], color=colour(0), linewidth=3, alpha=0.45, label="within twice")[0],
        axes.plot([], [], "o", color=FAINT, markersize=2.4, label="tried")[0],
        axes.plot([], [], "x", color=colour(1), markersize=6, label="diverges")[0],
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, frameon=False,
        fontsize=8.5, handlelength=1.4, columnspacing=1.5, borderaxespad=0,
    )  # fmt: skip


def numbers(values):
    return np.array(values, float)


def tables(found):
    heads = ["", "best rate", "test MSE", "within 10 %", "decades", "within twice", "decades",
             "diverges from"]  # fmt: skip
    rows = []
    for name, one in found.numbers["optimizers"].items():
        cells = [f"`{name}`", rate(one["regimes"]["well chosen"]), number(one["best"])]
        for window in one["windows"].values():
            ends = [rate(float(f"{window[end]:.2g}")) for end in ("from", "to")]
            cells += [" – ".join(ends), f"{window['decades']:.1f}"]
        rows.append([*cells, rate(one["regimes"]["too high"])])
    return {"windows": study.table(heads, rows)}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
