"""Do adaptive methods cost more computation?

Usage: python experiments/06_cost/run.py [--quick | --redraw]
"""

import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax import optimizers
from ae_optax.lab import losses, models, study, training
from ae_optax.lab.figures import colour, make_panels, number, percent
from ae_optax.observing import cost_of

# Those that read whole matrices or layers: many times the cost, which depends on shapes and batch.
NOT_BY_COORDINATE = {
    *("muon", "normuon", "soap", "soap_muon", "shampoo", "kl_shampoo", "splus", "sonew"),
    *("psgd_kron", "kfac", "kfac_eigen", "ekfac", "tnt", "kbfgs"),
}
# Those that divide no coordinate by a statistic of its own gradients.
NOT_ADAPTIVE = ("sgd", "momentum", "classical_momentum", "nesterov", "lion", "lars")
KEY = [(0, "not adaptive"), (1, "adaptive")]
PANELS = {
    "passes": "array passes of an update",
    "bytes": "state, bytes a parameter",
    "update": "time of an update, of sgd's",
    "share": "its share of a training step",
}
SETUP = {
    "optimizers": [name for name in optimizers.__all__ if name not in NOT_BY_COORDINATE],
    "learning_rate": 1e-3,
    "model": {"hidden": [512, 256], "code": 64, "pixels": [28, 28]},
    "batch_size": 128,
    "whole_steps": ["sgd", "adam", "adan"],
    "rounds": 40,
}
QUICK = {
    "optimizers": ["adam", "lamb", "sgd"],
    "whole_steps": ["sgd", "adam"],
    "model": {"hidden": [32], "code": 8, "pixels": [8, 8]},
    "rounds": 4,
}


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    hidden, code, pixels = setup["model"].values()
    model = models.mlp_autoencoder(hidden, code)
    images = np.random.default_rng(0).uniform(size=(setup["batch_size"], *pixels))
    images = jnp.asarray(images, jnp.float32)
    updates, costs, steps = {}, {}, {}
    for name in setup["optimizers"]:
        optimizer = getattr(optimizers, name)(setup["learning_rate"])
        state = training.init_state(model, optimizer, images, 0)
        cost = cost_of(optimizer, state.params)
        costs[name] = {"passes": round(cost.array_passes, 2), "bytes": cost.bytes_per_parameter}
        updates[name] = update_alone(optimizer, state)
        if name in setup["whole_steps"]:
            steps[name] = training_step(model, optimizer, state, images)
        print(f"{name}: {cost}", flush=True)
    # Setting to zero takes the place of the optimizer: what is left are loss and gradient.
    nothing = optax.set_to_zero()
    state = training.init_state(model, nothing, images, 0)
    steps["none"] = training_step(model, nothing, state, images)
    times = in_alternation({"update": updates, "step": steps}, setup["rounds"])
    found = {name: costs[name] | relative(name, times) for name in updates}
    whole = {name: quartiles(its / times["step"]["none"]) for name, its in times["step"].items()}
    numbers = {
        "parameters": cost.parameters,
        "step_ms": milliseconds_of(times["step"]["none"]),
        "steps": whole,
        "optimizers": found,
        "groups": groups(found),
    }
    return study.Measured(setup, numbers)


def update_alone(optimizer, state):
    """Return a function that updates the parameters once more, in place."""

    def step(params, state, gradients):
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    gradients = jax.tree.map(lambda leaf: 0.01 * jnp.ones_like(leaf), state.params)
    carry = jax.tree.map(jnp.copy, (state.params, state.opt_state))

    def run():
        nonlocal carry
        carry = jax.block_until_ready(compiled(*carry, gradients))

    return run


def training_step(model, optimizer, state, images):
    """Return a function that trains for one more step, in place."""
    compiled = jax.jit(
        training.make_step(training.Task(model, losses.mse()), optimizer), donate_argnums=0
    )
    carry = jax.tree.map(jnp.copy, state)

    def run():
        nonlocal carry
        carry, _ = jax.block_until_ready(compiled(carry, images, None))

    return run


def in_alternation(programs, rounds):
    """Return the processor milliseconds (rounds,) of every program, by kind and name."""
    kinds = [(kind, name) for kind, its in programs.items() for name in its]
    times = {kind: {name: [] for name in its} for kind, its in programs.items()}
    for turn in range(-2, rounds):
        # Who goes first changes, as what ran before leaves its arrays in the cache.
        for at in np.roll(np.arange(len(kinds)), turn):
            kind, name = kinds[at]
            started = time.process_time()
            programs[kind][name]()
            if turn >= 0:  # The first two compile and warm up.
                times[kind][name].append(1e3 * (time.process_time() - started))
    return {
        kind: {name: np.array(found) for name, found in its.items()} for kind, its in times.items()
    }


def relative(name, times):
    """Return the median time, and quartiles relative to others in the same round."""
    update, rest = times["update"][name], times["step"]["none"]
    return {
        "ms": milliseconds_of(update),
        "update": quartiles(update / times["update"]["sgd"]),
        "share": quartiles(update / (update + rest)),
    }


def milliseconds_of(times):
    return round(float(np.median(times)), 3)


def quartiles(values):
    return [round(float(x), 3) for x in np.quantile(values, [0.25, 0.5, 0.75])]


def groups(found):
    """Return the medians over those that are adaptive and those that are not."""
    kinds = {word: [] for _, word in KEY}
    for name, one in found.items():
        kinds[KEY[name not in NOT_ADAPTIVE][1]].append(
            {what: one[what][1] if isinstance(one[what], list) else one[what] for what in PANELS}
        )
    return {
        word: {what: round(median(one[what] for one in its), 3) for what in PANELS}
        for word, its in kinds.items()
    }


def in_order(found):
    """Return the optimizers, cheapest first."""
    its = found.numbers["optimizers"]
    return sorted(its, key=lambda name: (round(its[name]["passes"]), its[name]["bytes"], name))


def pictures(found):
    names = in_order(found)[::-1]
    panels = make_panels(
        list(PANELS.values()), columns=4, size=(190, 12 * len(names) + 30), key=KEY, share_x=False
    )
    for axes, what in zip(panels.axes, PANELS, strict=True):
        for row, name in enumerate(names):
            value = found.numbers["optimizers"][name][what]
            low, middle, high = value if isinstance(value, list) else [value] * 3
            shade = colour(name not in NOT_ADAPTIVE)
            axes.plot([low, high], [row, row], color=shade, linewidth=1.6)
            axes.plot([middle], [row], color=shade, marker="os"[name not in NOT_ADAPTIVE], ms=4)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.7, len(names) - 0.3)
        axes.set_xlim(left=0)
    described = "What every optimizer costs: array passes, state, and time beside plain descent's."
    return {"costs": study.Picture(panels.figure, described)}


def tables(found):
    heads = ["", "array passes", "bytes a parameter", "ms", "of sgd's", "of a training step"]
    rows = []
    for name in in_order(found):
        one = found.numbers["optimizers"][name]
        words = f"`{name}`{'' if name in NOT_ADAPTIVE else ' (a)'}"
        cells = [f"{one['passes']:.1f}", f"{one['bytes']:.1f}", number(one["ms"])]
        rows.append([words, *cells, spread(one["update"]), percent(one["share"][1])])
    for word, its in found.numbers["groups"].items():
        cells = [f"{its['passes']:.1f}", f"{its['bytes']:.1f}", "", f"{its['update']:.2f}"]
        rows.append([f"median, {word}", *cells, percent(its["share"])])
    return {"costs": study.table(heads, rows)}


def spread(quartiles):
    low, middle, high = (f"{value:.2f}" for value in quartiles)
    return f"{middle} ({low}–{high})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
