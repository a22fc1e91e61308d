"""Is Adam at its default rate the optimizer to begin with?

Usage: python experiments/02_default_optimizers/run.py [--quick | --redraw]
"""

import time
from pathlib import Path

import jax
import numpy as np

from ae_optax.lab import plans, study, training
from ae_optax.lab.figures import (
    Line,
    draw_line,
    fit_value_axis,
    line_style,
    log_axes,
    make_panels,
    number,
    rate,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "compare_ten_optimizers.yaml"
SETUP = {
    "config": study.overridden(CONFIG),
    # Keras's; PyTorch's of AdaGrad and AdaDelta, where Keras's 1e-3 is far from their papers.
    "defaults": {
        "sgd": 1e-2,
        "momentum": 1e-2,
        "nesterov": 1e-2,
        "adagrad": 1e-2,
        "rmsprop": 1e-3,
        "adadelta": 1.0,
        "adam": 1e-3,
        "adamax": 1e-3,
        "adam_max_norm": 1e-3,
        "nadam": 1e-3,
    },
    "seeds": [0, 1, 2],
    "components": 64,
    "timed_steps": 100,
}
DIGITS = ["data={name: digits}", "model={name: mlp_autoencoder, hidden: [32], code: 8}"]
QUICK = {
    "config": study.overridden(CONFIG, DIGITS),
    "seeds": [0],
    "components": 8,
    "timed_steps": 5,
}
KINDS = ("default", "tuned")


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = DIGITS if quick else []
    tuning = study.compare(CONFIG, overrides)
    chosen = {c.label: c.best.learning_rate for c in tuning.contenders}
    rates = {"default": setup["defaults"], "tuned": chosen}
    losses = {kind: losses_at(rates[kind], setup["seeds"], overrides) for kind in KINDS}
    loaded = plans.load_comparison(CONFIG, overrides)
    task = plans.make_task(loaded)
    every, target = tuning.steps_per_epoch, loaded.target
    numbers = {
        "rates": rates,
        "tried": {
            c.label: [[one.learning_rate, digits(one.validation_loss[-1])] for one in c.runs]
            for c in tuning.contenders
        },
        "test_mse": {
            k: {n: [c[-1] for c in its] for n, its in of.items()} for k, of in losses.items()
        },
        "curves": losses,
        "steps_per_epoch": every,
        "steps_to_target": {
            k: {n: [steps_to(target, c, every) for c in its] for n, its in of.items()}
            for k, of in losses.items()
        },
        "milliseconds": milliseconds(task, loaded, setup["timed_steps"]),
        "pca_mse": digits(error_of_pca(task.data, setup["components"])),
        "parameters": tuning.parameters,
        "images": {part: getattr(tuning.data, part) for part in ("train", "validation", "test")},
        "pixels": task.data.test[0].size,
        "steps": every * tuning.epochs,
    }
    return study.Measured(setup, numbers | told(numbers), setup["seeds"])


def losses_at(rates, seeds, overrides):
    """Return each optimizer's test losses at one rate: before training and after every epoch."""
    at = [f"compare.contenders[{i}].learning_rates=[{r}]" for i, r in enumerate(rates.values())]
    record = study.compare(CONFIG, [*overrides, *at, f"compare.seeds={seeds}"])
    return {
        c.label: [[digits(x) for x in run.test_loss] for run in c.runs] for c in record.contenders
    }


def steps_to(target, losses, every):
    """Return where a curve falls to the target, straight between its logarithms, or ``None``."""
    values = np.array([np.inf if x is None else x for x in losses])
    below = np.flatnonzero(values <= target)
    if not below.size:
        return None
    after = below[0]
    high, low = np.log(values[after - 1 : after + 1])
    return round(every * float(after - 1 + (high - np.log(target)) / (high - low)))


def milliseconds(task, loaded, count):
    """Return the time of each optimizer's fastest step of many.

    They take turns, so that what else the machine does falls on all of them alike.
    """
    images = jax.device_put(task.data.train[: loaded.training.batch_size])
    programs, states = {}, {}
    for contender in loaded.contenders:
        optimizer = contender.settings[0].optimizer.build()
        step = jax.jit(training.make_step(task, optimizer), donate_argnums=0)
        state = training.init_state(task.model, optimizer, images, 0)
        programs[contender.label] = step.lower(state, images, None).compile()
        states[contender.label] = state
    fastest = dict.fromkeys(programs, np.inf)
    for _ in range(count):
        for name, program in programs.items():
            started = time.perf_counter()
            states[name], _ = jax.block_until_ready(program(states[name], images, None))
            fastest[name] = min(fastest[name], 1e3 * (time.perf_counter() - started))
    return {name: digits(took) for name, took in fastest.items()}


def error_of_pca(data, components):
    return np.mean((study.pca(data.train, components)(data.test) - data.test) ** 2)


def told(numbers):
    """Return what the page says of the numbers."""
    medians = {k: {n: middle(v) for n, v in of.items()} for k, of in numbers["test_mse"].items()}
    steps = {n: middle(v) for n, v in numbers["steps_to_target"]["tuned"].items()}
    took = numbers["milliseconds"]
    adam = medians["default"]["adam"]
    return {
        "median_mse": medians,
        "seconds_to_target": {
            name: None if count is None else digits(count * took[name] / 1e3)
            for name, count in steps.items()
        },
        "over_adam_at_default": {
            k: {n: ratio(v, adam) for n, v in of.items()} for k, of in medians.items()
        },
        "gain_by_tuning": {n: ratio(v, medians["tuned"][n]) for n, v in medians["default"].items()},
    }


def middle(values):
    """Return the median; of what was not reached or was lost, nothing."""
    median = np.median([np.inf if v is None else v for v in values])
    return digits(median) if np.isfinite(median) else None


def ratio(value, other):
    return None if value is None or other is None else digits(value / other)


def digits(value):
    return None if value is None or not np.isfinite(value) else float(f"{value:.4g}")


def pictures(found):
    return {"rates": at_rates(found), "losses": losses(found)}


def at_rates(found):
    mse, names = found.numbers["test_mse"], list(found.numbers["milliseconds"])
    names = sorted(names, key=lambda name: -np.median(mse["tuned"][name]))
    key = [(0, "at the default rate"), (1, "at the best of three rates")]
    panels = make_panels([""], columns=1, size=(480, 260), x="test MSE", key=key)
    (axes,) = panels.axes
    for position, kind in enumerate(KINDS):
        spreads = [spread_of(mse[kind][name]) for name in names]
        medians = np.array([spread.median for spread in spreads])
        ends = np.array([(s.median - s.lowest, s.highest - s.median) for s in spreads])
        style = line_style(position) | {"linestyle": ""}
        axes.errorbar(medians, range(len(names)), xerr=ends.T, elinewidth=1.2, **style)
    axes.axvline(found.numbers["pca_mse"], **line_style(2) | {"marker": "", "linewidth": 0.9})
    components = found.setup["components"]
    axes.text(
        found.numbers["pca_mse"], len(names) - 0.4, f"PCA, {components} components", ha="center"
    )
    log_axes(axes, "x")
    axes.set_yticks(range(len(names)), names)
    described = (
        "Test error of ten optimizers at their default rate and at the best of three, the median "
        "of the seeds and their range."
    )
    return study.Picture(panels.figure, described)


def losses(found):
    numbers, names = found.numbers, list(found.numbers["milliseconds"])
    titles = [
        "default rate, by step",
        "default rate, by time (s)",
        "best of three rates, by step",
        "best of three rates, by time (s)",
    ]
    panels = make_panels(
        titles, columns=2, size=(375, 220), y="test MSE", key=list(enumerate(names)), share_x=False
    )
    for row, kind in enumerate(KINDS):
        # After the first epoch, which is most of the way down.
        spreads = {n: spread_of([c[1:] for c in numbers["curves"][kind][n]]) for n in names}
        for axes, by_time in zip(panels.axes[2 * row : 2 * row + 2], (False, True), strict=True):
            fit_value_axis(axes, spreads.values(), "")
            for position, name in enumerate(names):
                x = numbers["steps_per_epoch"] * np.arange(1, len(spreads[name].median) + 1)
                x = x * numbers["milliseconds"][name] / 1e3 if by_time else x
                draw_line(axes, Line(position, "", x, spreads[name]), markers=True)
    described = (
        "Test error of ten optimizers over steps and over seconds, at their default rates and at "
        "the best of three: the median of the seeds and their range."
    )
    return study.Picture(panels.figure, described)


def tables(found):
    numbers, target = found.numbers, found.setup["config"]["compare"]["target"]
    heads = [
        "optimizer",
        "default rate",
        "test MSE",
        "best of three rates",
        "test MSE",
        f"steps to {target:g}",
        "ms a step",
        f"seconds to {target:g}",
    ]
    rows = []
    for name, took in numbers["milliseconds"].items():
        steps = middle(numbers["steps_to_target"]["tuned"][name])
        row = [f"`{name}`"]
        for kind in KINDS:
            row += [rate(numbers["rates"][kind][name]), ranged(numbers["test_mse"][kind][name])]
        seconds = number(numbers["seconds_to_target"][name])
        rows.append([*row, f"{steps:.0f}" if steps else "–", number(took), seconds])
    tried = [
        [f"`{name}`", *(f"{number(loss)} ({rate(at)})" for at, loss in its)]
        for name, its in numbers["tried"].items()
    ]
    heads_of_tried = ["validation MSE (rate)", "lowest", "middle", "highest"]
    return {"results": study.table(heads, rows), "tried": study.table(heads_of_tried, tried)}


def ranged(values):
    """Write the median and the range; what was lost to divergence is a dash."""
    known = [np.inf if v is None else v for v in values]
    return f"{number(np.median(known))} ({number(min(known))}–{number(max(known))})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
