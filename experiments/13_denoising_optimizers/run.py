"""Does momentum help to train a denoising autoencoder, does Adam, and where does Adam lose?

Usage: python experiments/13_denoising_optimizers/run.py [--quick | --redraw]
"""

from pathlib import Path

import numpy as np

from ae_optax.lab import study
from ae_optax.lab.figures import (
    Line,
    colour,
    draw_line,
    fit_value_axis,
    log_axes,
    make_panels,
    number,
    rate,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs" / "bsds500" / "denoising_optimizers.yaml"
PROBLEMS = {"patches": [], "digits": ["data={name: digits}", "training.epochs=20"]}
QUICK = {
    "digits": [
        "data={name: digits}",
        "training.epochs=3",
        "compare.seeds=[0]",
        "compare.learning_rates=[1e-3, 1e-2]",
        "compare.contenders=[{optimizer: {name: momentum}}, {optimizer: {name: adam}}]",
    ]
}
PANELS = {
    "descent, momentum, Adam": ("sgd", "momentum", "nesterov", "adam"),
    "adaptive rates": ("adagrad", "rmsprop", "adam", "nadam", "adamax"),
}
RIVAL = "adam"
SEEN = 4  # Times the lowest loss: what is higher is out of sight.


def measure(quick):
    problems = QUICK if quick else PROBLEMS
    records = {name: study.compare(CONFIG, words) for name, words in problems.items()}
    setup = {name: study.overridden(CONFIG, words) for name, words in problems.items()}
    numbers = {name: tell(record) for name, record in records.items()}
    return study.Measured(setup, numbers, next(iter(records.values())).seeds)


def tell(record):
    contenders = {one.label: one for one in record.contenders}
    best = {label: chosen(one) for label, one in contenders.items()}
    medians = {label: np.median(one["test_mse"], axis=0) for label, one in best.items()}
    steps = [epoch * record.steps_per_epoch for epoch in range(record.epochs + 1)]
    return {
        "images": {part: getattr(record.data, part) for part in ("train", "validation", "test")},
        "parameters": record.parameters,
        "runs": sum(len(one.runs) for one in contenders.values()),
        "steps": steps,
        "best": best,
        "by_rate": {label: by_rate(one) for label, one in contenders.items()},
        "against_adam": {
            label: {
                **against(best[label], best[RIVAL]),
                "steps_adam_needs": first_below(medians[RIVAL], medians[label][-1], steps),
            }
            for label in best
            if label != RIVAL
        },
        "first_after_each_epoch": [
            min(medians, key=lambda label: medians[label][epoch])
            for epoch in range(1, record.epochs + 1)
        ],
    }


def chosen(contender):
    """Return what a contender has at the rate that was chosen for it."""
    best = contender.best
    runs = [run for run in contender.runs if run.setting == best.setting]
    final = [run.test_loss[-1] for run in runs]
    return {
        "learning_rate": digits(best.learning_rate),
        "edge": best.edge,
        "test_mse": [[digits(loss) for loss in run.test_loss] for run in runs],
        "median": digits(np.median(final)),
        "psnr_of_median": round(float(-10 * np.log10(np.median(final))), 2),
        "highest_over_lowest": digits(max(final) / min(final)),
        "runs_diverged": sum(run.diverged for run in contender.runs),
    }


def by_rate(contender):
    """Return the final test losses at each rate, one a seed."""
    rates = sorted({run.learning_rate for run in contender.runs})
    return {
        f"{one:.4g}": [
            None if run.diverged else digits(run.test_loss[-1])
            for run in contender.runs
            if run.learning_rate == one
        ]
        for one in rates
    }


def against(other, adam):
    """Return how a contender's losses stand to Adam's, seed by seed."""
    ratios = np.array(other["test_mse"]) / np.array(adam["test_mse"])
    return {
        "final_ratio": digits(np.median(other["test_mse"], axis=0)[-1] / adam["median"]),
        "seeds_won": int(np.sum(ratios[:, -1] < 1)),
        "epochs_ahead": int(np.sum(np.median(ratios, axis=0)[1:] < 1)),
    }


def first_below(curve, level, steps):
    """Return the steps after which a curve is first at a level or below it."""
    below = np.flatnonzero(curve <= level)
    return steps[int(below[0])] if below.size else None


def digits(value):
    return float(f"{value:.4g}")


def pictures(found):
    return {"training": training(found), "rates": rates(found)}


def panels_of(found, **words):
    """Return a figure with two panels for each problem, and what is drawn in each."""
    kinds = [(problem, part) for problem in found.numbers for part in PANELS]
    labels = list(next(iter(found.numbers.values()))["best"])
    panels = make_panels(
        [f"{problem}: {part}" for problem, part in kinds],
        columns=2,
        size=(290, 210),
        key=list(enumerate(labels)),
        share_x=False,
        share_y=False,
        **words,
    )
    drawn = [
        (axes, problem, {one: labels.index(one) for one in PANELS[part] if one in labels})
        for axes, (problem, part) in zip(panels.axes, kinds, strict=True)
    ]
    return panels.figure, drawn


def training(found):
    figure, drawn = panels_of(found, x="step", y="test MSE")
    for axes, problem, places in drawn:
        its = found.numbers[problem]
        # From the first epoch on: before it all are alike, and far above.
        spreads = {
            name: spread_of(np.array(one["test_mse"])[:, 1:]) for name, one in its["best"].items()
        }
        fit_value_axis(axes, list(spreads.values()), "")
        for label, place in places.items():
            draw_line(
                axes, Line(place, "", np.array(its["steps"][1:]), spreads[label]), markers=True
            )
    described = (
        "Test loss after each epoch for each optimizer at its best rate, the median of the seeds "
        "and their range, in two panels for each problem; both show Adam."
    )
    return study.Picture(figure, described)


def rates(found):
    figure, drawn = panels_of(found, x="learning rate", y="final test MSE")
    for axes, problem, places in drawn:
        its = found.numbers[problem]
        spreads = {
            name: spread_of(np.array(list(one.values()), float).T)
            for name, one in its["by_rate"].items()
        }
        ceiling = SEEN * min(one["median"] for one in its["best"].values())
        fit_value_axis(
            axes, [spread_of(np.minimum(one.median, ceiling)[None]) for one in spreads.values()], ""
        )
        for label, place in places.items():
            tried = np.array([float(one) for one in its["by_rate"][label]])
            draw_line(axes, Line(place, "", tried, spreads[label]), markers=True)
            lost = tried[~np.isfinite(spreads[label].median)]
            if lost.size:
                top = np.full(lost.size, axes.get_ylim()[1])
                axes.plot(lost, top, linestyle="", marker="x", color=colour(place), clip_on=False)
        log_axes(axes, "x")
    described = (
        "Final test loss at every learning rate tried, the median of the seeds and their range; "
        "crosses at the top mark rates at which most seeds diverged."
    )
    return study.Picture(figure, described)


def tables(found):
    return {problem: table(its) for problem, its in found.numbers.items()}


def table(its):
    heads = [
        "optimizer",
        "rate chosen",
        "final test MSE",
        "seeds",
        "PSNR of it, dB",
        "relative to Adam",
        "seeds below Adam",
        "runs diverged",
    ]
    rows = []
    for label, one in sorted(its["best"].items(), key=lambda item: item[1]["median"]):
        final = [seed[-1] for seed in one["test_mse"]]
        against = its["against_adam"].get(label)
        rows.append(
            [
                f"`{label}`",
                rate(one["learning_rate"]),
                number(one["median"]),
                f"{number(min(final))}–{number(max(final))}",
                f"{one['psnr_of_median']:.2f}",
                f"{against['final_ratio']:.2f}" if against else "–",
                str(against["seeds_won"]) if against else "–",
                str(one["runs_diverged"]),
            ]
        )
    return study.table(heads, rows)


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
