"""Does RMSprop oscillate around a minimum, and does AdaDelta not need a rate?

Usage: python experiments/09_rmsprop_oscillates/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import optimizers, schedules
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

CONFIG = Path(__file__).parents[2] / "configs" / "digits" / "initial_rate.yaml"
SETUP = {
    "loss": "c x^2 / 2, and where there is noise the gradient c x + sigma z, z normal",
    "start": 1.0,
    "eps": 1e-8,
    "seeds": [0, 1, 2, 3, 4],
    "shown": {"steps": 200, "rates": [0.1, 0.01], "sigma": 0.1},
    "amplitude": {
        "curvatures": [0.01, 1.0, 100.0],
        "learning_rates": {"start": 1e-4, "stop": 1.0, "count": 17},
        "sigma": 1.0,
        "steps": 40_000,
        "last": 10_000,
    },
    "sensitivity": {
        "learning_rates": {"start": 1e-4, "stop": 1e3, "count": 29},
        "sigma": 0.1,
        "steps": 2000,
    },
    # On the bowl losses span many decades, those of the autoencoder one.
    "within": {"bowl": 10, "autoencoder": 2},
}
QUICK = {
    "seeds": [0, 1],
    "amplitude": SETUP["amplitude"]
    | {"learning_rates": {"start": 1e-2, "stop": 1.0, "count": 3}, "steps": 2000, "last": 500},
    "sensitivity": SETUP["sensitivity"]
    | {"learning_rates": {"start": 1e-4, "stop": 1e3, "count": 8}, "steps": 300},
}
OVERRIDES = (
    "training.epochs=2",
    "compare.seeds=2",
    "compare.learning_rates.count=3",
    "compare.contenders[3].learning_rates.count=3",
)
# Half beyond the axes, where no room must be made for it.
LOST = {
    "marker": "x",
    "linestyle": "",
    "markeredgewidth": 1.2,
    "clip_on": False,
    "in_layout": False,
}
CONTENDERS = ("rmsprop", "rmsprop, cosine", "adadelta", "adadelta, eps")


def measure(quick):
    jax.config.update("jax_enable_x64", True)
    setup = SETUP | (QUICK if quick else {})
    overrides = OVERRIDES if quick else ()
    found = {
        "shown": shown(setup),
        "amplitude": amplitudes(setup),
        "sensitivity": {name: on_bowl(name, setup) for name in CONTENDERS[:3]},
    }
    jax.config.update("jax_enable_x64", False)  # The autoencoder is trained in float32.
    record = study.compare(CONFIG, overrides)
    found["autoencoder"] = {
        one.label: of_autoencoder(one, setup["within"]["autoencoder"]) for one in record.contenders
    }
    setup["autoencoder"] = study.overridden(CONFIG, overrides)
    return study.Measured(setup, found, setup["seeds"])


def shown(setup):
    """Return the first steps on a bowl, at constant rates and at one that falls to zero."""
    steps, (high, low) = setup["shown"]["steps"], setup["shown"]["rates"]
    falling = schedules.cosine_annealing(high, min_value=0, duration=steps)
    rates = {f"rate {high}": high, f"rate {low}": low, f"cosine from {high}": falling}
    bowl, found = landscapes.valley([1.0]), {}
    for kind, sigma in (("exact", 0.0), ("noisy", setup["shown"]["sigma"])):
        sample = noisy(1.0, sigma, steps, setup["seeds"][0])
        found[kind] = {}
        for name, learning_rate in rates.items():
            optimizer = optimizers.rmsprop(learning_rate, eps=setup["eps"])
            descent = landscapes.descend(optimizer, bowl, [setup["start"]], steps, sample=sample)
            found[kind][name] = study.rounded(descent.positions[:, 0])
    return found


def amplitudes(setup):
    """Return how far RMSprop stays from the minimum of a bowl, beside what theory says."""
    about = setup["amplitude"]
    rates, eps, sigma = np.array(rates_of(about)), setup["eps"], about["sigma"]
    found = []
    for curvature in about["curvatures"]:
        exact = np.abs(late_positions(curvature, 0.0, 0, setup)).max(axis=1)
        expected = np.sqrt(np.maximum(0, (rates / 2) ** 2 - eps / curvature**2))
        swings = expected > 0
        jitters = [late_positions(curvature, sigma, s, setup).std(axis=1) for s in setup["seeds"]]
        found.append(
            {
                "curvature": curvature,
                # Where theory has it come to rest, what is left is the way it has yet to go.
                "exact": study.rounded(exact[swings]),
                "theory": study.rounded(expected[swings]),
                "rates": rates[swings].tolist(),
                "largest_at_rest": study.rounded(exact[~swings].max(initial=0)),
                "noisy": study.rounded(jitters),
                "noisy_theory": study.rounded(np.sqrt(rates * sigma / (2 * curvature))),
                "largest_difference": study.rounded(
                    np.max(np.abs(exact[swings] / expected[swings] - 1), initial=0)
                ),
            }
        )
    return found


def late_positions(curvature, sigma, seed, setup):
    about = setup["amplitude"]
    steps, last = about["steps"], about["last"]
    paths = landscapes.paths_by_rate(
        lambda learning_rate: optimizers.rmsprop(learning_rate, eps=setup["eps"]),
        rates_of(about),
        landscapes.valley([curvature]),
        [setup["start"]],
        steps,
        sample=noisy(curvature, sigma, steps, seed),
    )
    return paths[:, -last:, 0]


def noisy(curvature, sigma, steps, seed):
    """Return the bowl tilted anew at every step, so that its gradient has noise of size sigma."""
    bowl = landscapes.valley([curvature])
    tilts = jnp.asarray(sigma * np.random.default_rng(seed).normal(size=steps))
    return lambda x, t: bowl(x) + tilts[t] * x[0]


def on_bowl(name, setup):
    """Return the loss over the last tenth of a run with noise, by the initial rate."""
    about = setup["sensitivity"]
    steps, rates = about["steps"], rates_of(about)

    def make(learning_rate):
        if name == "adadelta":
            return optimizers.adadelta(learning_rate)
        if name == "rmsprop":
            return optimizers.rmsprop(learning_rate, eps=setup["eps"])
        falling = schedules.cosine_annealing(learning_rate, min_value=0, duration=steps)
        return optimizers.rmsprop(falling, eps=setup["eps"])

    bowl, losses = landscapes.valley([1.0]), []
    for seed in setup["seeds"]:
        sample = noisy(1.0, about["sigma"], steps, seed)
        paths = landscapes.paths_by_rate(make, rates, bowl, [setup["start"]], steps, sample=sample)
        losses.append(0.5 * np.mean(paths[:, -(steps // 10) :, 0] ** 2, axis=1))
    medians = np.median(losses, axis=0)
    return {"losses": study.rounded(losses), **window(rates, medians, setup["within"]["bowl"])}


def of_autoencoder(contender, within):
    """Return the test losses after the last epoch by what was tuned, and those of the best."""
    rates, best = contender.learning_rates, contender.best
    runs = {(run.learning_rate, run.seed): run for run in contender.runs}
    seeds = sorted({seed for _, seed in runs})
    losses = [[loss_of(runs[rate, seed]) for rate in rates] for seed in seeds]
    at_best = [runs[best.learning_rate, seed].test_loss for seed in seeds]
    last = np.array([curve[-10:] for curve in at_best])
    finite = [[np.inf if loss is None else loss for loss in one] for one in losses]
    return {
        "rates": study.rounded(rates),
        "losses": losses,
        "chosen": float(f"{best.learning_rate:.3g}"),
        "test_loss": {key: study.rounded(value) for key, value in vars(best.final_test).items()},
        "curves": study.rounded(at_best),
        "swing": study.rounded(
            np.median((last.max(axis=1) - last.min(axis=1)) / np.median(last, axis=1))
        ),
        **window(rates, np.median(finite, axis=0), within),
    }


def loss_of(run):
    return None if run.diverged else study.rounded(run.test_loss[-1])


def window(rates, losses, within):
    """Return the best of the rates tried, and all around it at which the loss is near the least."""
    best = int(np.argmin(losses))
    outside = np.flatnonzero(~(losses <= within * losses[best]))
    first = max(outside[outside < best], default=-1) + 1
    last = min(outside[outside > best], default=len(rates)) - 1
    return {
        "best_rate": study.rounded(rates[best]),
        "least": study.rounded(losses[best]),
        "window": study.rounded([rates[first], rates[last]]),
        "decades": round(float(np.log10(rates[last] / rates[first])), 2),
    }


def rates_of(about):
    rates = np.geomspace(*about["learning_rates"].values())
    return [float(f"{rate:.4g}") for rate in rates]


def pictures(found):
    return {
        "oscillation": study.Picture(
            oscillation_figure(found),
            "Distance of RMSprop from the minimum of a bowl by step, without and with noise.",
        ),
        "amplitude": study.Picture(
            amplitude_figure(found),
            "Amplitude of RMSprop's oscillation against its learning rate, and the theory.",
        ),
        "initial_rate": study.Picture(
            rate_figure(found),
            "Last loss against the initial rate of RMSprop, constant and falling, and of AdaDelta, "
            "on a bowl and of an autoencoder.",
        ),
        "epochs": study.Picture(
            epoch_figure(found.numbers["autoencoder"]),
            "Test loss of the autoencoder by epoch, each contender at its chosen rate.",
        ),
    }


def oscillation_figure(found):
    shown = found.numbers["shown"]
    panels = make_panels(
        ("without noise", "with noise"),
        columns=2,
        size=(280, 190),
        x="step",
        y="|x|, distance from the minimum",
        key=list(enumerate(shown["exact"])),
    )
    for axes, curves in zip(panels.axes, shown.values(), strict=True):
        for i, x in enumerate(curves.values()):
            axes.plot(np.abs(x), **line_style(i) | {"marker": "", "linewidth": 1})
        axes.set_ylim(1e-7, 2)
        log_axes(axes, "y")
    return panels.figure


def amplitude_figure(found):
    rates = rates_of(found.setup["amplitude"])
    found = found.numbers["amplitude"]
    panels = make_panels(
        ("without noise: largest |x|", "with noise: standard deviation of x"),
        columns=2,
        size=(280, 200),
        x="learning rate",
        key=[(i, f"curvature {one['curvature']:g}") for i, one in enumerate(found)],
        share_y=False,
    )
    still, shaken = panels.axes
    theory = {"marker": "", "linewidth": 0.8}
    fit_value_axis(shaken, [spread_of(one["noisy"]) for one in found], "")
    for i, one in enumerate(found):
        measured = line_style(i) | {"linestyle": "", "markersize": 3.4}
        still.plot(one["rates"], one["theory"], **line_style(i) | theory)
        still.plot(one["rates"], one["exact"], **measured)
        shaken.plot(rates, one["noisy_theory"], **line_style(i) | theory)
        median = spread_of(one["noisy"]).median
        shaken.plot(rates, median, **measured)
    log_axes(still)
    log_axes(shaken, "x")
    return panels.figure


def rate_figure(found):
    key = list(enumerate(CONTENDERS[:3]))
    panels = make_panels(
        ("bowl with noise: loss at the end", "autoencoder: test MSE after the last epoch"),
        columns=2,
        size=(290, 210),
        x="initial learning rate",
        key=key,
        share_y=False,
        share_x=False,
    )
    kinds = (
        (rates_of(found.setup["sensitivity"]), found.numbers["sensitivity"]),
        (found.numbers["autoencoder"]["rmsprop"]["rates"], found.numbers["autoencoder"]),
    )
    for axes, (rates, numbers) in zip(panels.axes, kinds, strict=True):
        spreads = [spread_of(np.array(numbers[name]["losses"], float)) for _, name in key]
        fit_value_axis(axes, spreads, "")
        for (i, name), spread in zip(key, spreads, strict=True):
            draw_line(axes, Line(i, name, np.array(rates), spread), markers=True)
            lost = np.array(rates)[~np.isfinite(spread.median)]
            top = np.full(len(lost), axes.get_ylim()[1])
            axes.plot(lost, top, **line_style(i) | LOST)
        log_axes(axes, "x")
    return panels.figure


def epoch_figure(found):
    key = [(i, f"{name} {rate(found[name]['chosen'])}") for i, name in enumerate(CONTENDERS)]
    panels = make_panels([""], columns=1, size=(460, 210), x="epoch", key=key)
    curves = {i: found[name]["curves"] for i, name in enumerate(CONTENDERS)}
    draw_over_epochs(panels.axes[0], curves, "test MSE")
    return panels.figure


def tables(found):
    numbers = found.numbers
    bowl = [
        [f"`{name}`", number(one["least"]), rate(one["best_rate"]), *window_cells(one)]
        for name, one in numbers["sensitivity"].items()
    ]
    autoencoder = [
        [
            f"`{name}`",
            over_seeds(one["test_loss"]),
            rate(one["chosen"]),
            *window_cells(one),
            number(one["swing"]),
        ]
        for name, one in numbers["autoencoder"].items()
    ]
    bowl_heads, heads = (
        ("rate", f"rates within {times} times the least", "decades")
        for times in found.setup["within"].values()
    )
    return {
        "bowl": study.table(["optimizer", "least loss", *bowl_heads], bowl),
        "autoencoder": study.table(
            ["optimizer", "test MSE", *heads, "swing in the last ten epochs"], autoencoder
        ),
    }


def window_cells(one):
    low, high = one["window"]
    return f"{rate(low)}–{rate(high)}", number(one["decades"])


def over_seeds(found):
    return f"{number(found['median'])} ({number(found['lowest'])}–{number(found['highest'])})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
