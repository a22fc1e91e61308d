"""Does AdaGrad stop, and does momentum help it?

Usage: python experiments/08_adagrad_stops/run.py [--quick | --redraw]
"""

import itertools
from pathlib import Path

import jax
import numpy as np

from ae_optax import optimizers
from ae_optax.lab import landscapes, study
from ae_optax.lab.figures import (
    Line,
    draw_line,
    draw_over_epochs,
    fit_value_axis,
    line_style,
    log_axes,
    make_panels,
    number,
    rate,
    spread_of,
)

NAMES = ("adagrad", "adagrad_momentum", "rmsprop", "rmsprop_momentum")
POSITIONS = (0, 9, 2, 11)  # Dashes where there is momentum, to see through where lines coincide.
STREAMS = {
    "steady": "always 1",
    "fading": "fading to nothing",
    "noise": "noise",
    "outlier": "noise, and once 1000",
}
CONFIG = Path(__file__).parents[2] / "configs" / "digits" / "adagrad_momentum.yaml"
SETUP = {
    "learning_rates": {"start": 1e-4, "stop": 1e2, "count": 31},
    "seeds": {"choosing": [100, 101, 102], "reporting": [0, 1, 2, 3, 4]},
    "streams": {"steps": 10_000, "fading": 0.999, "outlier": {"step": 100, "gradient": 1000.0}},
    "regression": {
        "frequencies": [1.0, 0.01],
        "noise": 0.1,
        "steps": 100_000,
        "best weights": "1, and -1 in the second half",
        "recovered": 0.1,
    },
    "valley": {
        "curvatures": [0.001, 1.0],
        "turned by degrees": 45,
        "starts": [1.0, 100.0],
        "tolerance": 1e-6,
        "most_steps": 20_000,
    },
}
QUICK = {
    "learning_rates": {"start": 1e-4, "stop": 1e2, "count": 7},
    "seeds": {"choosing": [100], "reporting": [0, 1]},
    "regression": SETUP["regression"] | {"steps": 2000},
    "valley": SETUP["valley"] | {"most_steps": 1000},
}
OVERRIDES = ("training.epochs=2", "compare.seeds=2", "compare.learning_rates.count=3")


def measure(quick):
    jax.config.update("jax_enable_x64", True)
    setup = SETUP | (QUICK if quick else {})
    overrides = OVERRIDES if quick else ()
    found = {
        "streams": {name: on_streams(name, setup) for name in NAMES},
        "regression": {name: on_regression(name, setup) for name in NAMES},
        "valley": {name: in_valley(name, setup) for name in NAMES},
    }
    jax.config.update("jax_enable_x64", False)  # The autoencoder is trained in float32.
    record = study.compare(CONFIG, overrides)
    found["autoencoder"] = {one.label: of_autoencoder(one) for one in record.contenders}
    setup["autoencoder"] = study.overridden(CONFIG, overrides)
    return study.Measured(setup, found, setup["seeds"]["reporting"])


def on_streams(name, setup):
    """Return the effective rates that given gradients lead to, at a learning rate of 1."""
    streams = setup["streams"]
    steps = streams["steps"]
    noise = np.random.default_rng(0).normal(size=steps)
    outlier = np.where(np.arange(1, steps + 1) == streams["outlier"]["step"], 1.0, 0.0)
    gradients = {
        "steady": np.ones(steps),
        "fading": streams["fading"] ** np.arange(steps),
        "noise": noise,
        "outlier": np.where(outlier > 0, streams["outlier"]["gradient"], noise),
    }
    followed = landscapes.follow(
        getattr(optimizers, name)(1.0), np.column_stack([*gradients.values()])
    )
    windows = windows_of(steps)
    found = {}
    for stream, rates in zip(gradients, followed.effective_rates.T, strict=True):
        curve = np.array([np.median(rates[window]) for window in windows])
        last = middles(windows) >= steps / 10
        exponent = np.polyfit(np.log(middles(windows)[last]), np.log(curve[last]), 1)[0]
        found[stream] = {
            "effective_rates": study.rounded(curve),
            "exponent": round(exponent, 2) + 0.0,
        }
    return found


def on_regression(name, setup):
    """Learn from one example at a time, long; half way the best weights jump to the other side."""
    regression, seeds = setup["regression"], setup["seeds"]
    half, rates = regression["steps"] // 2, rates_of(setup)
    choosing = [excess(name, rates, seed, half, regression) for seed in seeds["choosing"]]
    last = np.median([losses[:, -(half // 10) :].mean(axis=1) for losses in choosing], axis=0)
    best = rates[int(np.argmin(last))]
    losses = np.array(
        [excess(name, [best], seed, 2 * half, regression)[0] for seed in seeds["reporting"]]
    )
    windows = windows_of(half)
    before, after = (
        np.array([losses[:, start:][:, window].mean(axis=1) for window in windows]).T
        for start in (0, half)
    )
    back = losses[:, half:] <= regression["recovered"]
    recovered = np.where(back.any(axis=1), np.argmax(back, axis=1) + 1, np.nan)
    return {
        "learning_rate": best,
        "before": study.rounded(before),
        "after": study.rounded(after),
        "last_before": ends(losses[:, half - half // 10 : half].mean(axis=1)),
        "last_after": ends(losses[:, -(half // 10) :].mean(axis=1)),
        "steps_to_recover": ends(recovered) if np.isfinite(recovered).all() else None,
    }


def excess(name, rates, seed, steps, regression):
    """Return the expected loss above the least after each step, at each rate."""
    frequencies, half = regression["frequencies"], regression["steps"] // 2
    features = landscapes.sparse_signs(frequencies, steps, seed=seed)
    best = np.where(np.arange(steps) < half, 1.0, -1.0)
    errors = np.random.default_rng([seed, 1]).normal(scale=regression["noise"], size=steps)
    loss, sample = landscapes.regression(features, features.sum(axis=1) * best + errors)
    make, start = getattr(optimizers, name), [0.0] * len(frequencies)
    paths = landscapes.paths_by_rate(make, rates, loss, start, steps, sample=sample)[:, 1:]
    return finite(0.5 * (paths - best[:, None]) ** 2 @ frequencies)


def in_valley(name, setup):
    """Return the fewest steps down a valley that runs along no axis, from near and from far."""
    valley, rates = setup["valley"], rates_of(setup)
    angle = np.deg2rad(valley["turned by degrees"])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    straight, most = landscapes.valley(valley["curvatures"]), valley["most_steps"]
    found = []
    for far in valley["starts"]:
        start = [far, 0.0]
        paths = landscapes.paths_by_rate(
            getattr(optimizers, name), rates, lambda w: straight(w @ turn), start, most
        )
        losses = finite(0.5 * (paths @ turn) ** 2 @ valley["curvatures"])
        late = losses[:, ::-1] > valley["tolerance"] * losses[0, 0]
        steps = most + 1 - np.argmax(late, axis=1)  # After the last step that is too high.
        best = int(np.argmin(steps))
        arrived = bool(steps[best] <= most)
        found.append(
            {
                "steps": int(steps[best]) if arrived else None,
                "learning_rate": rates[best] if arrived else None,
            }
        )
    return found


def of_autoencoder(contender):
    best = contender.best
    runs = [run for run in contender.runs if run.setting == best.setting]
    return {
        "learning_rate": float(f"{best.learning_rate:.3g}"),
        "test_loss": {key: study.rounded(value) for key, value in vars(best.final_test).items()},
        "curves": study.rounded([run.test_loss for run in runs]),
    }


def rates_of(setup):
    return [float(f"{rate:.3g}") for rate in np.geomspace(*setup["learning_rates"].values())]


def windows_of(steps):
    """Return slices of steps whose lengths grow at equal ratios, sixty at most."""
    edges = np.unique(np.geomspace(1, steps + 1, 60).astype(int)) - 1
    return [slice(*pair) for pair in itertools.pairwise(edges)]


def middles(windows):
    return np.array([0.5 * (window.start + 1 + window.stop) for window in windows])


def finite(losses):
    return np.where(np.isfinite(losses), losses, np.inf)


def ends(values):
    of_seeds = {"median": np.median, "lowest": np.min, "highest": np.max}
    return {name: study.rounded(of(values)) for name, of in of_seeds.items()}


def pictures(found):
    key = list(zip(POSITIONS, NAMES, strict=True))
    return {
        "effective_rates": study.Picture(
            streams_figure(found, key),
            "Effective rates of four optimizers on four streams of gradients, by step.",
        ),
        "regression": study.Picture(
            regression_figure(found, key),
            "Loss of a long regression above the least, before and after the best weights jump.",
        ),
        "autoencoder": study.Picture(
            autoencoder_figure(found.numbers["autoencoder"], key),
            "Test loss of the autoencoder by epoch, each optimizer at its chosen rate.",
        ),
    }


def streams_figure(found, key):
    panels = make_panels(
        [f"gradient: {text}" for text in STREAMS.values()],
        columns=2,
        size=(260, 150),
        x="step",
        y="effective rate, |u| / |g|",
        key=key,
        share_y=False,
    )
    x = middles(windows_of(found.setup["streams"]["steps"]))
    for axes, stream in zip(panels.axes, STREAMS, strict=True):
        for i, name in key:
            y = found.numbers["streams"][name][stream]["effective_rates"]
            axes.plot(x, y, **line_style(i) | {"marker": ""})
        log_axes(axes)
    return panels.figure


def regression_figure(found, key):
    titles = ("from the start", "after the best weights have jumped")
    panels = make_panels(
        titles, columns=2, size=(270, 200), x="step", y="expected loss above the least", key=key
    )
    x = middles(windows_of(found.setup["regression"]["steps"] // 2))
    curves = {
        half: [spread_of(one[half]) for one in found.numbers["regression"].values()]
        for half in ("before", "after")
    }
    fit_value_axis(panels.axes[0], [*curves["before"], *curves["after"]], "")
    for axes, spreads in zip(panels.axes, curves.values(), strict=True):
        for (i, name), spread in zip(key, spreads, strict=True):
            draw_line(axes, Line(i, name, x, spread), markers=False)
        log_axes(axes, "x")
    return panels.figure


def autoencoder_figure(found, key):
    panels = make_panels([""], columns=1, size=(400, 210), x="epoch", key=key)
    curves = {i: found[name]["curves"] for i, name in key}
    draw_over_epochs(panels.axes[0], curves, "test MSE")
    return panels.figure


def tables(found):
    numbers = found.numbers
    exponents = [
        [f"`{name}`", *(number(one["exponent"]) for one in numbers["streams"][name].values())]
        for name in NAMES
    ]
    regression = [
        [
            f"`{name}`",
            rate(one["learning_rate"]),
            over_seeds(one["last_before"]),
            over_seeds(one["steps_to_recover"], "{:.0f}".format),
            over_seeds(one["last_after"]),
        ]
        for name, one in numbers["regression"].items()
    ]
    momentum = [
        [
            f"`{name}`",
            *(cell(one) for one in numbers["valley"][name]),
            rate(numbers["autoencoder"][name]["learning_rate"]),
            over_seeds(numbers["autoencoder"][name]["test_loss"]),
        ]
        for name in NAMES
    ]
    starts = (f"valley from {start:g}: steps (rate)" for start in found.setup["valley"]["starts"])
    return {
        "exponents": study.table(["optimizer", *STREAMS.values()], exponents),
        "regression": study.table(
            ["optimizer", "rate", "loss before the jump", "steps to 0.1 again", "loss at the end"],
            regression,
        ),
        "momentum": study.table(["optimizer", *starts, "autoencoder: rate", "test MSE"], momentum),
    }


def over_seeds(found, write=number):
    if found is None:
        return "–"
    median, lowest, highest = (write(found[name]) for name in ("median", "lowest", "highest"))
    return f"{median} ({lowest}–{highest})"


def cell(one):
    return "–" if one["steps"] is None else f"{one['steps']} ({rate(one['learning_rate'])})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
