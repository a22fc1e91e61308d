"""What does a matrix optimizer do that Adam does not?

Usage: python experiments/19_whole_matrices/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax as ao
from ae_optax.lab import landscapes, study
from ae_optax.lab.figures import (
    colour,
    draw_surface,
    line_style,
    log_axes,
    make_panels,
    number,
    rate,
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
}
# Without decay, and as sure of its second moment as Adam.
RULES = {
    "adam": lambda rate: ao.adam(rate),
    "soap": lambda rate: ao.soap(rate, b1=0.9, b2=0.999, weight_decay=0.0, refresh_every=1),
}


def measure(quick):
    overrides = QUICK if quick else ()
    record = study.compare(CONFIG, overrides)
    contenders = [of_contender(contender) for contender in record.contenders]
    with jax.enable_x64(True):
        valley = {
            name: {angle: crossing(make, turn) for angle, turn in ANGLES.items()}
            for name, make in RULES.items()
        }
        numbers = {"valley": valley, "spectra": spectra(), "contenders": contenders}
    setup = {"config": study.overridden(CONFIG, overrides), **SETUP}
    return study.Measured(setup, numbers, record.seeds)


def of_contender(contender):
    best = contender.best
    return {
        "label": contender.label,
        **study.losses_at_rates(contender),
        "learning_rate": best.learning_rate,
        **{name: round(loss, 6) for name, loss in vars(best.final_test).items()},
    }


ANGLES = {"along the axes": 0.0, "turned by 45 degrees": np.pi / 4}


def crossing(make, angle):
    """Return the fewest steps to the bottom of a valley turned by an angle, and at which rate."""
    setup = SETUP["valley"]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    hessian = jnp.asarray(turn @ np.diag([setup["eps"], 1.0]) @ turn.T)
    start = jnp.asarray(turn @ np.array(setup["start"]))[:, None]
    rates = np.geomspace(*setup["learning_rates"].values())

    @jax.jit
    def last_far(learning_rate):
        optimizer = make(learning_rate)

        def step(carry, count):
            x, state, last = carry
            updates, state = optimizer.update(hessian @ x, state, x)
            x = optax.apply_updates(x, updates)
            close = jnp.max(jnp.abs(x)) <= setup["tolerance"]
            return (x, state, jnp.where(close, last, count)), x[:, 0]

        begun = start, optimizer.init(start), jnp.zeros([], int)
        (_, _, last), path = jax.lax.scan(step, begun, jnp.arange(1, setup["most_steps"] + 1))
        return last, path

    found = [last_far(r) for r in rates]
    steps = [int(last) for last, _ in found]
    best = int(np.argmin(steps))
    reached = steps[best] < setup["most_steps"]
    path = np.concatenate([np.asarray(start).T, np.asarray(found[best][1])[:200]])
    return {
        "steps": steps[best] + 1 if reached else None,
        "learning_rate": float(f"{rates[best]:.3g}"),
        "path": np.round(path, 4).tolist(),
    }


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
    return {"valley": valley, "spectra": study.Picture(panels.figure, described)}


def turned_valley(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    loss = landscapes.valley([SETUP["valley"]["eps"], 1.0])
    return lambda x: loss(jnp.asarray(x) @ turn)


def tables(found):
    valley = found.numbers["valley"]
    crossed = [[f"`{name}`", *(cell(valley[name][angle]) for angle in ANGLES)] for name in RULES]
    losses = [
        [
            row["label"],
            rate(row["learning_rate"]),
            f"{number(row['median'])} ({number(row['lowest'])}–{number(row['highest'])})",
        ]
        for row in found.numbers["contenders"]
    ]
    return {
        "valley": study.table(["steps (rate)", *ANGLES], crossed),
        "losses": study.table(["", "best rate", "test loss: median (range)"], losses),
    }


def cell(crossed):
    if crossed["steps"] is None:
        return "–"
    return f"{crossed['steps']} ({rate(crossed['learning_rate'])})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
