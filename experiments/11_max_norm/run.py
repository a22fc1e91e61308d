"""Does a max norm keep Adam's rate consistent where gradients are often zero?

Usage: python experiments/11_max_norm/run.py [--quick | --redraw]
"""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import optimizers, transforms
from ae_optax.lab import corruptions, data, landscapes, losses, models, study, training
from ae_optax.lab.figures import (
    draw_over_rates,
    fit_value_axis,
    line_style,
    make_panels,
    number,
    percent,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs/digits/sparse_inputs.yaml"
AVERAGE = transforms.chain(
    transforms.average(0.9), transforms.correct_bias(0.9)
)  # As in all three.
NAMES = ("adam", "adamax", "adam_max_norm")
KEY = [*enumerate(NAMES)]
# The scenario of each stream, and what a figure calls it.
STREAMS = {
    "all alternate": ("alternating", "all alternate at once"),
    "in turn": ("alternating", "they alternate in turn"),
    "all silent": ("silent", "all silent for 1000 steps"),
    "one silent": ("silent", "one silent for 1000 steps"),
}
TITLES = [title for _, title in STREAMS.values()]
SETUP = {
    "coordinates": 10,
    "learning_rate": 0.001,
    "alternating": {"size": 10.0, "period": 10, "steps": 1000},
    "silent": {"size": 1.0, "first": 1000, "last": 2000, "steps": 3000},
    "shown": {
        "alternating": {"steps": 100, "every": 1},
        "silent": {"steps": 3000, "every": 10},
    },
    "knocked_out": [0.0, 0.5, 0.9],
    "zeros": {"batches": 20, "batch_size": 8, "seeds": [0, 1, 2]},
}
QUICK = {"knocked_out": [0.9], "zeros": {"batches": 2, "batch_size": 8, "seeds": [0]}}
QUICK_COMPARISON = [
    "training.epochs=1",
    "compare.seeds=1",
    "compare.learning_rates={start: 1e-3, stop: 1e-1, count: 3}",
]


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = [
        [f"corruption.strength={strength}", *(QUICK_COMPARISON if quick else [])]
        for strength in setup["knocked_out"]
    ]
    numbers = {
        "streams": {
            stream: {name: response(name, gradients, stream, setup) for name in NAMES}
            for stream, gradients in streams(setup).items()
        },
        "zeros": [zeros(strength, setup) for strength in setup["knocked_out"]],
        "comparisons": [],
    }
    for words in overrides:
        record = study.compare(CONFIG, words)
        numbers["comparisons"].append(
            {contender.label: study.best_of(contender) for contender in record.contenders}
        )
    setup["comparisons"] = [study.overridden(CONFIG, words) for words in overrides]
    return study.Measured(setup, numbers, setup["zeros"]["seeds"])


def streams(setup):
    """Return gradients (steps, coordinates) of both scenarios, for all coordinates and for one."""
    n, alternating, silent = setup["coordinates"], setup["alternating"], setup["silent"]
    steps, period = alternating["steps"], alternating["period"]
    turns = np.eye(period)[np.arange(steps) % period][:, :n]
    times = np.arange(silent["steps"])[:, None]
    heard = (times < silent["first"]) | (times >= silent["last"])
    first = np.arange(n) == 0
    return {
        "all alternate": alternating["size"] * np.repeat(turns[:, :1], n, axis=1),
        "in turn": alternating["size"] * turns,
        "all silent": silent["size"] * np.where(heard, np.ones(n), 0),
        "one silent": silent["size"] * np.where(heard | ~first, 1.0, 0),
    }


def response(name, gradients, stream, setup):
    """Return rate and step length of the first coordinate at every step, and their extremes.

    The rate is the step for each unit of the averaged gradient, times the size of the gradient
    over the learning rate: 1 is what a constant gradient meets. The step is in learning rates.
    """
    with jax.enable_x64(True):
        optimizer = getattr(optimizers, name)(setup["learning_rate"])
        updates = np.asarray(landscapes.updates_of(optimizer, gradients))[:, 0]
        averages = np.asarray(landscapes.updates_of(AVERAGE, gradients))[:, 0]
    shown, every = setup["shown"][STREAMS[stream][0]].values()
    steps = -updates / setup["learning_rate"]
    rates = steps / averages * gradients.max()
    late = np.arange(len(rates)) >= len(rates) // 2
    told = late & (gradients[:, 0] > 0)
    return {
        "rate": rounded(rates[:shown:every]),
        "step": rounded(steps[:shown:every]),
        "late_rates": rounded([rates[late].min(), rates[late].max()]),
        "late_rates_where_not_zero": rounded([rates[told].min(), rates[told].max()]),
        "longest_late_step": rounded([steps[late].max()])[0],
    }


def rounded(values):
    return [float(f"{value:.4g}") for value in values]


def zeros(strength, setup):
    """Return which share of the pixels shown, and of the gradient of a batch, is zero."""
    images = jnp.asarray(data.digits().train)
    knockout, probe = corruptions.knockout(strength), transforms.scale_by_momentum(0.0)
    model = models.mlp_autoencoder([32], 8)
    task = training.Task(model, losses.mse(), corruption=knockout)
    take = training.make_step(task, probe)

    @jax.jit
    def of_batch(state, key):
        batch = jax.random.choice(key, images, (setup["zeros"]["batch_size"],), replace=False)
        after, _ = take(state._replace(key=key), batch, None)
        gradients = after.opt_state.trace  # Without a memory it is the last gradient.
        return jnp.mean(knockout(key, batch) == 0), share_of_zeros(gradients)

    found = []
    for seed in setup["zeros"]["seeds"]:
        state = training.init_state(model, probe, images, seed)
        keys = jax.random.split(jax.random.key(seed), setup["zeros"]["batches"])
        found += [[float(share) for share in of_batch(state, key)] for key in keys]
    pixels, gradients = np.mean(found, axis=0)
    return {"pixels": float(pixels), "gradients": float(gradients)}


def share_of_zeros(tree):
    leaves = jax.tree.leaves(tree)
    return sum(jnp.sum(leaf == 0) for leaf in leaves) / sum(leaf.size for leaf in leaves)


def pictures(found):
    return {
        "streams": study.Picture(
            of_streams(found),
            "The rate and the length of each step of one coordinate, with Adam, AdaMax and Adam "
            "with a max norm, while gradients alternate between large and zero or fall silent.",
        ),
        "rates": study.Picture(
            at_rates(found),
            "The test loss of an autoencoder at every learning rate, with more and more pixels "
            "knocked out.",
        ),
    }


def of_streams(found):
    streams, shown = found.numbers["streams"], found.setup["shown"]
    every = {stream: shown[scenario]["every"] for stream, (scenario, _) in STREAMS.items()}
    panels = make_panels(
        TITLES + [""] * len(TITLES),
        columns=len(streams),
        size=(190, 140),
        x="step",
        key=KEY,
        share_x=False,
        share_y=False,
    )
    for row, (what, label) in enumerate(
        {"rate": "relative rate", "step": "step, in rates"}.items()
    ):
        its = panels.axes[row * len(streams) :][: len(streams)]
        lines = [[one[what] for one in each.values()] for each in streams.values()]
        for column, (axes, stream) in enumerate(zip(its, streams, strict=True)):
            spreads = [spread_of([y]) for y in itertools.chain(*lines)]
            fit_value_axis(axes, spreads, "" if column else label, log=what == "rate")
            for i, y in enumerate(lines[column]):
                x = 1 + every[stream] * np.arange(len(y))
                axes.plot(x, y, **line_style(i) | {"marker": ""})
    return panels.figure


def at_rates(found):
    comparisons = found.numbers["comparisons"]
    titles = [
        f"{percent(zeros['pixels'])} of the pixels are zero" for zeros in found.numbers["zeros"]
    ]
    panels = make_panels(
        titles, columns=3, size=(200, 160), x="learning rate", y="test loss", key=KEY
    )
    at_rates = [[one["at_rates"] for one in each.values()] for each in comparisons]
    draw_over_rates(panels.axes, at_rates)
    return panels.figure


def tables(found):
    streams = found.numbers["streams"]
    rows = []
    for name in NAMES:
        late = [each[name]["late_rates"] for each in streams.values()]
        rows.append([f"`{name}`: rates", *(f"{number(low)}–{number(high)}" for low, high in late)])
    for name in NAMES:
        longest = [number(each[name]["longest_late_step"]) for each in streams.values()]
        rows.append([f"`{name}`: longest step", *longest])
    heads = ["", *(f"{share(each)} zero" for each in found.numbers["zeros"])]
    losses = [
        [f"`{name}`", *(study.best_cell(each[name]) for each in found.numbers["comparisons"])]
        for name in NAMES
    ]
    zeros = ["gradients that are zero", *(percent(z["gradients"]) for z in found.numbers["zeros"])]
    return {
        "streams": study.table(["second half", *TITLES], rows),
        "losses": study.table(heads, [zeros, *losses]),
    }


def share(zeros):
    return f"{percent(zeros['pixels'])} of the pixels"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
