"""Do adaptive optimizers move in proportion along dense and sparse features?

Usage: python experiments/07_sparse_features/run.py [--quick | --redraw]
"""

import jax
import numpy as np

from ae_optax import optimizers
from ae_optax.lab import landscapes, study
from ae_optax.lab.figures import (
    Line,
    draw_line,
    draw_surface,
    fit_value_axis,
    line_style,
    log_axes,
    make_panels,
    number,
    rate,
    spread_of,
)

NAMES = ("sgd", "adagrad", "rmsprop", "adam")
SETUP = {
    "loss": "(w.x - y)^2 / 2",
    "features": "each a random sign as often as its frequency says, else 0",
    "targets": "the sum of the features and normal noise, so that the best weights are 1",
    "noise": 0.1,
    "start": 0.0,
    "arrived": 0.9,
    "learning_rates": {"start": 1e-4, "stop": 1e1, "count": 31},
    "seeds": {"choosing": [100, 101, 102], "reporting": [0, 1, 2, 3, 4]},
    "two": {"frequencies": [1.0, 0.01], "mean_steps": 50, "example_steps": 3000},
    "wide": {"frequencies": {"start": 1.0, "stop": 1e-3, "count": 10}, "copies": 3, "steps": 10000},
}
QUICK = {
    "learning_rates": {"start": 1e-4, "stop": 1e1, "count": 6},
    "seeds": {"choosing": [100], "reporting": [0, 1]},
    "wide": {"frequencies": {"start": 1.0, "stop": 1e-2, "count": 3}, "copies": 2, "steps": 1000},
}


def measure(quick):
    jax.config.update("jax_enable_x64", True)
    setup = SETUP | (QUICK if quick else {})
    found = {
        "mean_gradient": {name: on_mean_gradient(name, setup) for name in NAMES},
        "one_example": {name: on_examples(name, setup) for name in NAMES},
        "wide": {name: on_wide_examples(name, setup) for name in NAMES},
    }
    return study.Measured(setup, found, setup["seeds"]["reporting"])


def on_mean_gradient(name, setup):
    """Follow the gradient of the expected loss, a bowl with a curvature for each frequency."""
    frequencies, steps = setup["two"]["frequencies"], setup["two"]["mean_steps"]
    bowl, start = landscapes.valley(frequencies), [setup["start"]] * 2
    rates, make = rates_of(setup), getattr(optimizers, name)
    paths = landscapes.paths_by_rate(make, rates, lambda w: bowl(w - 1), start, steps)
    best = int(np.argmin(last_losses(paths, frequencies)))
    dense, sparse = paths[best].T
    arrived = int(np.argmax(dense >= setup["arrived"]))
    return {
        "learning_rate": rates[best],
        "steps": arrived,
        "sparse_weight_then": study.rounded(sparse[arrived]),
        "path": study.rounded(paths[best]),
    }


def on_examples(name, setup):
    """Learn from one example at a time, and keep all of the first seed's steps that can be seen."""
    frequencies, steps = setup["two"]["frequencies"], setup["two"]["example_steps"]
    learning_rate = chosen_rate(name, frequencies, steps, setup)
    descents = descents_at(name, learning_rate, frequencies, steps, setup)
    ends = np.median([descent.positions[-1] for descent in descents], axis=0)
    late = [np.nanmedian(one.effective_rates[steps // 2 :], axis=0) for one in descents]
    dense, sparse = descents[0].effective_rates.T
    there = np.flatnonzero(np.isfinite(sparse))
    every = steps // 60
    windows = np.nanmedian(dense[: 60 * every].reshape(60, every), axis=1)
    return {
        "learning_rate": learning_rate,
        "dense_weight": study.rounded(ends[0]),
        "sparse_weight": study.rounded(ends[1]),
        "rates_apart": study.rounded(np.median([sparse / dense for dense, sparse in late])),
        "path": study.rounded(descents[0].positions[:: steps // 150]),
        "dense_rates": [(every * (np.arange(60) + 0.5)).tolist(), study.rounded(windows)],
        "sparse_rates": [there.tolist(), study.rounded(sparse[there])],
    }


def on_wide_examples(name, setup):
    """Measure the effective rate of every frequency in the second half of a long run."""
    wide = setup["wide"]
    frequencies, steps, copies = wide_frequencies(wide), wide["steps"], wide["copies"]
    everywhere = np.repeat(frequencies, copies)
    learning_rate = chosen_rate(name, everywhere, steps, setup)
    moves, errors, gradients, present = [], [], [], []
    for descent in descents_at(name, learning_rate, everywhere, steps, setup):
        half = steps // 2
        # All that was moved for all that was told: momentum moves long after the gradient is gone.
        moved = np.abs(np.diff(descent.positions, axis=0))[half:].sum(axis=0)
        told = np.abs(descent.gradients)
        moves.append(grouped(moved, copies) / grouped(told[half:].sum(axis=0), copies))
        errors.append(grouped(np.abs(descent.positions[-1] - 1), copies))
        gradients.append(grouped(told.mean(axis=0), copies))
        present.append(gradients[-1] / grouped((told > 0).mean(axis=0), copies))
    return {
        "learning_rate": learning_rate,
        "effective_rate": study.rounded(moves),
        "error": study.rounded(errors),
        "slopes": {
            "effective_rate": slope(frequencies, moves),
            "mean_gradient": slope(frequencies, gradients),
            "gradient_when_present": slope(frequencies, present),
        },
        "rarest": {
            "rate_of_commonest": study.rounded(
                np.median(np.divide(moves, np.take(moves, [0], 1))[:, -1])
            ),
            "error": study.rounded(np.median(errors, axis=0)[-1]),
        },
    }


def rates_of(setup):
    return [float(f"{rate:.3g}") for rate in np.geomspace(*setup["learning_rates"].values())]


def wide_frequencies(wide):
    return np.geomspace(*wide["frequencies"].values())


def examples(frequencies, steps, seed, noise):
    features = landscapes.sparse_signs(frequencies, steps, seed=seed)
    errors = np.random.default_rng([seed, 1]).normal(scale=noise, size=steps)
    return landscapes.regression(features, features.sum(axis=1) + errors)


def last_losses(paths, frequencies):
    """Return the expected loss above the least, at each rate, over the last tenth of a run."""
    late = paths[:, -(paths.shape[1] // 10) :]
    with np.errstate(over="ignore", invalid="ignore"):
        losses = 0.5 * np.mean((late - 1) ** 2 @ np.asarray(frequencies), axis=1)
    return np.where(np.isfinite(losses), losses, np.inf)


def chosen_rate(name, frequencies, steps, setup):
    """Return the rate of the lowest last loss, by the median over seeds kept for the choice."""
    rates, start = rates_of(setup), np.full(len(frequencies), setup["start"])
    losses = []
    for seed in setup["seeds"]["choosing"]:
        loss, sample = examples(frequencies, steps, seed, setup["noise"])
        make = getattr(optimizers, name)
        paths = landscapes.paths_by_rate(make, rates, loss, start, steps, sample=sample)
        losses.append(last_losses(paths, frequencies))
    return rates[int(np.argmin(np.median(losses, axis=0)))]


def descents_at(name, learning_rate, frequencies, steps, setup):
    optimizer, start = getattr(optimizers, name)(learning_rate), [setup["start"]] * len(frequencies)
    return [
        landscapes.descend(optimizer, loss, start, steps, sample=sample)
        for seed in setup["seeds"]["reporting"]
        for loss, sample in [examples(frequencies, steps, seed, setup["noise"])]
    ]


def grouped(values, copies):
    return values.reshape(-1, copies).mean(axis=1)


def slope(frequencies, values):
    """Return the exponent of the power of the frequency that comes closest to the medians."""
    medians = np.median(values, axis=0)
    return round(np.polyfit(np.log(frequencies), np.log(medians), 1)[0], 3) + 0.0  # No -0.


def pictures(found):
    return {
        "paths": study.Picture(
            paths_figure(found),
            "Where four optimizers go from (0, 0) to the best weights (1, 1) of a dense and a "
            "sparse feature, on the mean gradient and on one example at a time.",
        ),
        "effective_rates": study.Picture(
            rates_figure(found.numbers["one_example"]),
            "Effective rates of the dense and of the sparse weight by step, four optimizers.",
        ),
        "by_frequency": study.Picture(
            frequency_figure(found),
            "Effective rate and last error against the frequency of a feature, four optimizers.",
        ),
    }


def paths_figure(found):
    kinds = {"mean gradient": "mean_gradient", "one example": "one_example"}
    titles = [f"{name}, {kind}" for kind in kinds for name in NAMES]
    panels = make_panels(
        titles,
        columns=4,
        size=(150, 150),
        x="weight of the dense feature",
        y="weight of the sparse feature",
    )
    bowl = landscapes.valley(found.setup["two"]["frequencies"])
    paths = [found.numbers[kind][name]["path"] for kind in kinds.values() for name in NAMES]
    for i, (axes, path) in enumerate(zip(panels.axes, paths, strict=True)):
        draw_surface(axes, lambda w: bowl(w - 1), x=(-0.15, 1.55), y=(-0.15, 1.55))
        style = line_style(i % len(NAMES)) | {"markersize": 2.4, "linewidth": 0.9}
        axes.plot(*np.transpose(path), **style | {"markevery": 1 if i < len(NAMES) else 10})
    return panels.figure


def rates_figure(found):
    panels = make_panels(
        NAMES,
        columns=4,
        size=(150, 150),
        x="step",
        y="effective rate",
        key=[(0, "dense feature"), (1, "sparse feature, whenever it is there")],
    )
    for axes, one in zip(panels.axes, found.values(), strict=True):
        axes.plot(*one["dense_rates"], **line_style(0) | {"marker": ""})
        sparse = line_style(1) | {"linestyle": "", "marker": "s", "markersize": 2.8}
        axes.plot(*one["sparse_rates"], **sparse)
        log_axes(axes, "y")
    return panels.figure


def frequency_figure(found):
    titles = ("effective rate, Σ|u| / Σ|g|", "distance of the weight from its best, at the end")
    key = list(enumerate(NAMES))
    panels = make_panels(
        titles, columns=2, size=(300, 220), x="frequency of the feature", key=key, share_y=False
    )
    frequencies = wide_frequencies(found.setup["wide"])
    for axes, kind in zip(panels.axes, ("effective_rate", "error"), strict=True):
        spreads = [spread_of(found.numbers["wide"][name][kind]) for name in NAMES]
        fit_value_axis(axes, spreads, "")
        for i, spread in enumerate(spreads):
            draw_line(axes, Line(i, NAMES[i], frequencies, spread), markers=True)
        log_axes(axes, "x")
    return panels.figure


def tables(found):
    mean, one, wide = (found.numbers[kind] for kind in ("mean_gradient", "one_example", "wide"))
    two = study.table(
        [
            "optimizer",
            "mean gradient: rate",
            "steps to dense 0.9",
            "sparse weight then",
            "one example: rate",
            "dense weight",
            "sparse weight",
            "sparse / dense rate",
        ],
        [
            [
                f"`{name}`",
                rate(mean[name]["learning_rate"]),
                str(mean[name]["steps"]),
                number(mean[name]["sparse_weight_then"]),
                rate(one[name]["learning_rate"]),
                number(one[name]["dense_weight"]),
                number(one[name]["sparse_weight"]),
                number(one[name]["rates_apart"]),
            ]
            for name in NAMES
        ],
    )
    exponents = study.table(
        [
            "optimizer",
            "rate",
            "mean gradient",
            "gradient when present",
            "effective rate",
            "rarest / commonest rate",
            "error of the rarest",
        ],
        [
            [
                f"`{name}`",
                rate(wide[name]["learning_rate"]),
                number(wide[name]["slopes"]["mean_gradient"]),
                number(wide[name]["slopes"]["gradient_when_present"]),
                number(wide[name]["slopes"]["effective_rate"]),
                number(wide[name]["rarest"]["rate_of_commonest"]),
                number(wide[name]["rarest"]["error"]),
            ]
            for name in NAMES
        ],
    )
    return {"two": two, "exponents": exponents}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
