"""Which schedule of the learning rate ends lowest, and do restarts help?

Usage: python experiments/04_schedules/run.py [--quick | --redraw]
"""

from pathlib import Path

import numpy as np

from ae_optax.lab import study
from ae_optax.lab.figures import (
    FAINT,
    Line,
    colour,
    draw_line,
    make_panels,
    number,
    rate,
    spread_of,
)
from ae_optax.lab.plans import load_comparison

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "schedules.yaml"
FEW = {
    "constant": "{name: constant, value: swept}",
    "cosine": "{name: cosine_annealing, max_value: swept, duration: 140}",
    "'cosine, even restarts'": "{name: cosine_warm_restarts, max_value: swept, period: 20}",
}
CONTENDERS = [
    f"{{label: {label}, optimizer: {{name: adam, learning_rate: {schedule}}}}}"
    for label, schedule in FEW.items()
]
QUICK = [
    "data={name: digits}",
    "compare.seeds=[0]",
    "compare.learning_rates=[1e-2]",
    f"compare.contenders=[{', '.join(CONTENDERS)}]",
]
REFERENCE = "constant"
# What restarts and warm-up are held against: the same fall without.
PAIRS = {
    "cosine, even restarts": "cosine",
    "cosine, growing restarts": "cosine",
    "triangular": "linear",
    "warm-up and cosine": "cosine",
}
POINTS, COLUMNS = 141, 4


def measure(quick):
    overrides = QUICK if quick else []
    record = study.compare(CONFIG, overrides)
    config = load_comparison(CONFIG, overrides)
    steps = record.epochs * record.steps_per_epoch
    at = np.unique(np.linspace(0, steps - 1, POINTS).astype(int))
    found = {
        contender.label: summary(contender, its, at)
        for contender, its in zip(config.contenders, record.contenders, strict=True)
    }
    reference = found[REFERENCE]["test"]["median"]
    for one in found.values():
        one["gain"] = study.rounded(1 - one["test"]["median"] / reference)
    numbers = {
        "epochs": record.epochs,
        "steps": steps,
        "shown_steps": at.tolist(),
        "schedules": found,
        "pairs": {
            name: held_against(found, name, other) for name, other in PAIRS.items() if name in found
        },
        "spread_of_seeds": study.rounded(max(spread(one) for one in found.values())),
    }
    return study.Measured(study.overridden(CONFIG, overrides), numbers, seeds=record.seeds)


def summary(contender, its, at):
    """Return the curves and the rates of a schedule at the peak that was chosen for it."""
    best = its.best
    runs = [run for run in its.runs if run.setting == best.setting]
    schedule = contender.settings[best.setting].optimizer.arguments["learning_rate"].build()
    curves = [run.test_loss for run in runs]
    return {
        "peak": best.learning_rate,
        "test": {name: study.rounded(loss) for name, loss in vars(best.final_test).items()},
        "validation": study.rounded(np.median([run.validation_loss[-1] for run in runs])),
        "test_mse": study.rounded(curves),
        "rates": study.rounded(schedule(at)),
        "at_peaks": {
            rate(peak): study.rounded(np.median(losses)) for peak, losses in at_peaks(its).items()
        },
    }


def at_peaks(its):
    groups = {}
    for run in its.runs:
        groups.setdefault(run.learning_rate, []).append(run.test_loss[-1])
    return groups


def held_against(found, name, other):
    """Return what one schedule gains on another at the end, and the most it is ahead before."""
    medians = {one: spread_of(found[one]["test_mse"]).median for one in (name, other)}
    ahead = 1 - medians[name] / medians[other]
    best = int(np.argmax(ahead[1:])) + 1
    return {
        "against": other,
        "gain_at_the_end": study.rounded(ahead[-1]),
        "most_ahead": study.rounded(ahead[best]),
        "in_epoch": best,
        "epochs_ahead": int(np.sum(ahead[1:] > 0)),
    }


def spread(one):
    return (one["test"]["highest"] - one["test"]["lowest"]) / one["test"]["median"]


def ranked(found):
    its = found.numbers["schedules"]
    return sorted(its, key=lambda name: its[name]["test"]["median"])


def pictures(found):
    described = (
        "For every schedule, the best first, the test error by epoch above and the learning rate "
        "by step below it; the error at a constant rate is drawn in each for comparison."
    )
    return {"schedules": study.Picture(schedules(found), described)}


def schedules(found):
    its, names = found.numbers["schedules"], ranked(found)
    epochs, steps = found.numbers["epochs"], found.numbers["steps"]
    titles = [f"{place}. {name}" for place, name in enumerate(names, 1)]
    panels = make_panels(titles, columns=COLUMNS, size=(158, 128), x="epoch", y="test MSE")
    after = np.arange(1, epochs + 1)
    spreads = {name: spread_of([seed[1:] for seed in one["test_mse"]]) for name, one in its.items()}
    least = min(s.lowest.min() for s in spreads.values())
    most = np.median([s.median[0] for s in spreads.values()])
    top = most * 1.25
    # The lower two fifths are for the rates.
    bottom = least * (least / top) ** (2 / 3)
    x = np.array(found.numbers["shown_steps"]) / steps * epochs
    constant = spreads[REFERENCE].median
    for axes, name in zip(panels.axes, names, strict=True):
        one = its[name]
        axes.set_yscale("log")
        axes.set_ylim(bottom, top)
        axes.set_xlim(0, epochs)
        axes.set_yticks([t for t in (0.02, 0.03, 0.05, 0.1, 0.2) if least * 0.99 < t < top])
        axes.yaxis.set_major_formatter(lambda value, _: rate(value))
        axes.minorticks_off()
        axes.plot(after, constant, color=FAINT, linewidth=0.8)
        draw_line(axes, Line(0, "", after, spreads[name]), markers=False)
        axes.tick_params(labelbottom=name in names[-COLUMNS:])
        draw_rates(axes, x, np.array(one["rates"]) / one["peak"], one["peak"])
        axes.text(
            0.985, 0.965, number(one["test"]["median"]), transform=axes.transAxes, ha="right",
            va="top", color=colour(0), fontsize=9,
        )  # fmt: skip
    return panels.figure


def draw_rates(axes, x, shares, peak):
    """Draw a schedule, over its peak, in the lowest third of a panel, and write the peak."""
    heights = 0.02 + 0.28 * shares
    axes.fill_between(
        x, 0.02, heights, transform=axes.get_xaxis_transform(), color=colour(1), alpha=0.3,
        linewidth=0,
    )  # fmt: skip
    axes.plot(x, heights, transform=axes.get_xaxis_transform(), color=colour(1), linewidth=1.0)
    axes.text(
        0.985, 0.315, f"up to {rate(peak)}", transform=axes.transAxes, ha="right", va="bottom",
        color=colour(1), fontsize=8,
    )  # fmt: skip


def tables(found):
    its, names = found.numbers["schedules"], ranked(found)
    peaks = list(its[names[0]]["at_peaks"])
    heads = ["schedule", "chosen peak", "test MSE", "seeds", "below constant"]
    heads += [f"at peak {peak}" for peak in peaks]
    rows = []
    for name in names:
        one = its[name]
        rows.append(
            [
                name,
                rate(one["peak"]),
                number(one["test"]["median"]),
                f"{number(one['test']['lowest'])}–{number(one['test']['highest'])}",
                f"{100 * one['gain']:.1f} %",
                *(number(one["at_peaks"][peak]) for peak in peaks),
            ]
        )
    return {"schedules": study.table(heads, rows)}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
