"""What does a matrix optimizer do that Adam does not?

Usage: taskset -c 0 python experiments/19_whole_matrices/run.py [--quick | --redraw]

On one core, as the seconds that it tells are a processor's.
"""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax as ao
from ae_optax.lab import data, landscapes, losses, models, study, training
from ae_optax.lab.figures import (
    Line,
    colour,
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

CONFIG = Path(__file__).parents[2] / "configs" / "digits" / "compare_matrix.yaml"
QUICK = ("training.epochs=2", "compare.seeds=1")
SETUP = {
    "valley": {
        "eps": 0.001,
        "start": [1.0, 0.5],
        "tolerance": 1e-3,
        "most_steps": 5000,
        "learning_rates": {"start": 1e-3, "stop": 1.0, "count": 13},
    },
    "spectrum": {"shape": [32, 32], "batch": 16, "decay": 0.25},
    "reference": {
        "data": "mnist",
        "hidden": [512, 256],
        "code": 64,
        "batch_size": 128,
        "seed": 0,
        "learning_rates": {
            "adam": [1e-3, 2e-3, 4e-3],
            "muon": [3e-3, 1e-2, 3e-2],
            "shampoo": [1.0, 3.0, 10.0],
            "soap": [2e-3, 4e-3, 8e-3],
        },
        "epochs_to_choose": 1,
        "epochs": 3,
        "points_an_epoch": 6,
    },
}
QUICK_REFERENCE = {
    "data": "digits",
    "hidden": [16],
    "code": 8,
    "learning_rates": {name: [r] for name, r in {"adam": 1e-3, "muon": 1e-2}.items()},
    "epochs": 1,
}
# Without decay, and as sure of its second moment as Adam.
RULES = {
    "adam": lambda rate: ao.adam(rate),
    "soap": lambda rate: ao.soap(rate, b1=0.9, b2=0.999, weight_decay=0.0, refresh_every=1),
}
# Of the reference autoencoder: as cheap as they come on a CPU. Pixels at the border never change.
AT_LENGTH = {
    "adam": ao.adam,
    "muon": lambda rate: ao.muon(rate, orthogonalizer=ao.polar_factor()),
    "shampoo": lambda rate: ao.shampoo(rate, block_size=256),
    "soap": lambda rate: ao.soap(rate, block_size=256, smallest_share=1e-3, weight_decay=0.0),
}


def measure(quick):
    overrides = QUICK if quick else ()
    record = study.compare(CONFIG, overrides)
    contenders = {contender.label: study.best_of(contender) for contender in record.contenders}
    reference = SETUP["reference"] | (QUICK_REFERENCE if quick else {})
    lengths = at_length(reference)
    with jax.enable_x64(True):
        valley = {
            name: {angle: crossing(make, turn) for angle, turn in ANGLES.items()}
            for name, make in RULES.items()
        }
        numbers = {"valley": valley, "spectra": spectra(), "contenders": contenders}
    setup = {"config": study.overridden(CONFIG, overrides), **SETUP, "reference": reference}
    return study.Measured(setup, numbers | {"reference": lengths}, record.seeds)


ANGLES = {"along the axes": 0.0, "turned by 45 degrees": np.pi / 4}


def crossing(make, angle):
    """Return the fewest steps to the bottom of a valley turned by an angle, and at which rate."""
    setup = SETUP["valley"]
    rates = np.geomspace(*setup["learning_rates"].values())
    start = turn_by(angle) @ np.array(setup["start"])
    paths = landscapes.paths_by_rate(
        lambda learning_rate: of_column(make(learning_rate)),
        rates,
        turned_valley(angle),
        start,
        setup["most_steps"],
    )
    far = ~(np.abs(paths[:, 1:]).max(-1) <= setup["tolerance"])  # Also what is not finite.
    steps = [int(np.max(np.flatnonzero(row), initial=-1)) + 2 for row in far]
    best = int(np.argmin(steps))
    return {
        "steps": steps[best] if steps[best] <= setup["most_steps"] else None,
        "learning_rate": float(f"{rates[best]:.3g}"),
        "path": np.round(paths[best, :201], 4).tolist(),
    }


def of_column(optimizer):
    """Return an optimizer of a vector, which it sees as a matrix of one column."""

    def update(g, state, params):
        out, state = optimizer.update(g[:, None], state, params[:, None])
        return out[:, 0], state

    return optax.GradientTransformation(lambda params: optimizer.init(params[:, None]), update)


def at_length(setup):
    """Train the reference autoencoder with each rule, at the rate that is best at first."""
    images = getattr(data, setup["data"])()
    model = models.mlp_autoencoder(setup["hidden"], setup["code"])
    task = training.Task(model, losses.mse(), images)
    found = {}
    for name, rates in setup["learning_rates"].items():
        train = trained(task, AT_LENGTH[name], setup)
        chosen = [train(r, setup["epochs_to_choose"])["validation_loss"] for r in rates]
        best = rates[int(np.nanargmin(chosen))]
        found[name] = {"learning_rate": best, "at_rates": chosen, **train(best, setup["epochs"])}
        print(f"{name}: {found[name]['test_loss'][-1]:.3g} at {best:g}", flush=True)
    return found


def trained(task, make, setup):
    """Return a function of rate and epochs that trains, and notes losses and processor seconds."""
    images, batch_size = training.on_device(task.data), setup["batch_size"]
    steps = training.steps_per_epoch(len(images.train), batch_size)

    @jax.jit
    def start(learning_rate):
        return training.init_state(task.model, make(learning_rate), images.train, setup["seed"])

    def segment(learning_rate, state, train, stop):
        step = training.make_step(task, make(learning_rate))
        return training.make_segment(step, batch_size, data=None)(state, train, stop)[0]

    begun = jnp.asarray(1.0), start(jnp.asarray(1.0)), images.train, jnp.asarray(1)
    segment = jax.jit(segment, donate_argnums=1).lower(*begun).compile()
    evaluate = jax.jit(training.make_evaluate(task))

    def train(learning_rate, epochs):
        learning_rate = jnp.asarray(learning_rate)
        state, seconds = start(learning_rate), 0.0
        curve = {"step": [], "seconds": [], "test_loss": []}
        for epoch in range(epochs):
            stops = np.linspace(0, steps, setup["points_an_epoch"] + 1)[1:]
            for stop in epoch * steps + np.round(stops).astype(int):
                began = time.process_time()
                state = segment(learning_rate, state, images.train, jnp.asarray(stop, jnp.int32))
                jax.block_until_ready(state)
                seconds += time.process_time() - began
                curve["step"].append(int(stop))
                curve["seconds"].append(round(seconds, 3))
                curve["test_loss"].append(rounded(evaluate(state, images.test)["loss"]))
        return {"validation_loss": rounded(evaluate(state, images.validation)["loss"]), **curve}

    return train


def rounded(loss):
    return float(f"{float(loss):.4g}")


def spectra():
    """Return the singular values of gradients and of what is made of them, the largest one."""
    (m, n), batch, decay = SETUP["spectrum"].values()
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(d, d)))[0] for d in (m, n))
    scales = np.exp(-decay * np.arange(m))
    # Each gradient a mean over examples, whose size falls from direction to direction.
    grads = [
        left
        @ np.diag(scales)
        @ rng.normal(size=(m, batch))
        @ rng.normal(size=(batch, n))
        / batch
        @ np.diag(scales)
        @ right.T
        for _ in range(20)
    ]
    rules = {
        "the gradient": ao.sgd(1.0),
        "adam": ao.adam(1.0),
        "muon": ao.muon(1.0),
        "shampoo": ao.shampoo(1.0, refresh_every=1, start=1),
        "soap": ao.soap(1.0, weight_decay=0.0, refresh_every=1),
    }
    return {name: of_last(rule, jnp.asarray(np.stack(grads))) for name, rule in rules.items()}


def of_last(rule, grads):
    params = jnp.zeros_like(grads[0])

    @jax.jit
    def last(grads):
        def step(state, g):
            updates, state = rule.update(g, state, params)
            return state, updates

        return jax.lax.scan(step, rule.init(params), grads)[1][-1]

    values = np.linalg.svd(np.asarray(last(grads)), compute_uv=False)
    return [float(f"{v:.3g}") for v in np.maximum(values / values[0], 1e-12)]


def pictures(found):
    titles = [f"{name}, {angle}" for name in RULES for angle in ANGLES]
    panels = make_panels(titles, columns=2, size=(190, 130), x="first weight", y="second weight")
    for i, (axes, (name, angle)) in enumerate(
        zip(panels.axes, [(n, a) for n in RULES for a in ANGLES], strict=True)
    ):
        turn = ANGLES[angle]
        draw_surface(axes, turned_valley(turn), x=(-0.6, 1.2), y=(-0.6, 1.2))
        points = found.numbers["valley"][name][angle]["path"]
        axes.plot(*np.transpose(points), **line_style(i // 2) | {"markersize": 2, "linewidth": 0.9})
    described = "The paths of Adam and SOAP down a valley along the axes and one turned by 45°."
    valley = study.Picture(panels.figure, described)
    spectra_ = found.numbers["spectra"]
    key = list(enumerate(spectra_))
    panels = make_panels(
        [""],
        columns=1,
        size=(380, 220),
        x="singular value, counted from the largest",
        y="over the largest",
        key=key,
    )
    for i, values in enumerate(spectra_.values()):
        panels.axes[0].plot(range(1, len(values) + 1), values, color=colour(i))
    panels.axes[0].set_ylim(1e-4, 2)
    log_axes(panels.axes[0], "y")
    described = "Singular values of a gradient, and of the step that each rule makes of it."
    spectra = study.Picture(panels.figure, described)
    return {"valley": valley, "spectra": spectra, "reference": curves(found.numbers["reference"])}


def curves(at_length):
    panels = make_panels(
        ["by step", "by second on one core"],
        columns=2,
        size=(250, 200),
        x="step, second",
        y="test loss",
        key=list(enumerate(at_length)),
        share_x=False,
    )
    for axes, over in zip(panels.axes, ("step", "seconds"), strict=True):
        lines = [
            Line(i, "", np.array(row[over]), spread_of(np.array([row["test_loss"]])))
            for i, row in enumerate(at_length.values())
        ]
        log_axes(axes, "y")
        fit_value_axis(axes, [line.spread for line in lines], "")
        for line in lines:
            draw_line(axes, line, markers=False)
    described = "The test loss of the reference autoencoder with four rules, by step and by second."
    return study.Picture(panels.figure, described)


def turn_by(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def turned_valley(angle):
    turn = turn_by(angle)
    loss = landscapes.valley([SETUP["valley"]["eps"], 1.0])
    return lambda x: loss(jnp.asarray(x) @ turn)


def tables(found):
    valley = found.numbers["valley"]
    crossed = [[f"`{name}`", *(cell(valley[name][angle]) for angle in ANGLES)] for name in RULES]
    best = found.numbers["contenders"]
    at_length = found.numbers["reference"]
    adam = at_length["adam"]
    rows = [
        [
            f"`{name}`",
            rate(row["learning_rate"]),
            number(row["test_loss"][-1]),
            number(row["seconds"][-1]),
            number(loss_after(row, adam["seconds"][-1])),
            first_below(row, adam["test_loss"][-1], "step"),
            first_below(row, adam["test_loss"][-1], "seconds"),
        ]
        for name, row in at_length.items()
    ]
    heads = [
        "",
        "rate",
        "test loss at the end",
        "seconds",
        "test loss when Adam is done",
        "steps to where Adam ends",
        "seconds to where Adam ends",
    ]
    return {
        "valley": study.table(["steps (rate)", *ANGLES], crossed),
        "losses": study.table(
            ["", "test loss: median, range (rate)"],
            [[f"`{name}`", study.best_cell(one)] for name, one in best.items()],
        ),
        "reference": study.table(heads, rows),
    }


def loss_after(row, seconds):
    """Return the last loss that was measured before so many seconds were over."""
    known = [
        loss for loss, at in zip(row["test_loss"], row["seconds"], strict=True) if at <= seconds
    ]
    return known[-1] if known else row["test_loss"][0]


def first_below(row, loss, over):
    """Return where a curve is first at or below a loss."""
    there = [at for at, one in zip(row[over], row["test_loss"], strict=True) if one <= loss]
    if not there:
        return "–"
    return f"{there[0]}" if over == "step" else number(there[0])


def cell(crossed):
    if crossed["steps"] is None:
        return "–"
    return f"{crossed['steps']} ({rate(crossed['learning_rate'])})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
