"""Does gradient descent crawl along a valley, or diverge across it?

Usage: python experiments/12_valley/run.py [--quick | --redraw]
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax import optimizers
from ae_optax.lab import landscapes, study
from ae_optax.lab.figures import draw_surface, line_style, make_panels, rate

NAMES = ("sgd", "momentum", "nesterov", "rmsprop", "adam")
SETUP = {
    "loss": "(eps x^2 + y^2) / 2",
    "start": [1.0, 0.5],
    "eps": [1.0, 0.1, 0.01, 0.001],
    "closed_form": {"learning_rates": [0.1, 1.0, 1.9, 2.1], "steps": 1000},
    "tolerance": 1e-3,
    "most_steps": 20_000,
    "learning_rates": {"start": 1e-4, "stop": 1e1, "count": 51},
    "shown": {"eps": 0.01, "steps": 400},
}
QUICK = {"most_steps": 500, "learning_rates": {"start": 1e-3, "stop": 1e1, "count": 9}}


def measure(quick):
    jax.config.update("jax_enable_x64", True)
    setup = SETUP | (QUICK if quick else {})
    rates = np.geomspace(*setup["learning_rates"].values())
    apart = [
        difference(setup, eps, rate)
        for eps in setup["eps"]
        for rate in setup["closed_form"]["learning_rates"]
    ]
    best = {name: [fastest(name, eps, rates, setup) for eps in setup["eps"]] for name in NAMES}
    shown = setup["eps"].index(setup["shown"]["eps"])
    paths = {name: path(name, best[name][shown]["learning_rate"], setup) for name in NAMES}
    return study.Measured(
        setup, {"largest_difference": max(apart), "fastest": best, "paths": paths}
    )


def difference(setup, eps, learning_rate):
    """Return how far descent gets from its closed form, relative to that, at worst."""
    steps, start = setup["closed_form"]["steps"], setup["start"]
    loss = landscapes.valley([eps, 1])
    found = landscapes.descend(optimizers.sgd(learning_rate), loss, start, steps).positions
    exact = landscapes.descent_in_valley([eps, 1], start, learning_rate=learning_rate, steps=steps)
    full = np.abs(exact) > np.finfo(np.float64).tiny  # Smaller numbers have fewer digits.
    return float(np.max(np.abs(found / np.where(full, exact, 1) - 1)[full]))


def fastest(name, eps, rates, setup):
    """Return the rate that comes close for good first, and its steps."""
    most = setup["most_steps"]
    steps = np.asarray(steps_at(name, jnp.asarray([eps, 1]), jnp.asarray(rates), most))
    best = int(np.argmin(steps))
    if steps[best] == most:
        return {"learning_rate": None, "steps": None}
    return {"learning_rate": float(f"{rates[best]:.3g}"), "steps": int(steps[best]) + 1}


@functools.partial(jax.jit, static_argnames=("name", "most"))
def steps_at(name, curvatures, rates, most):
    """Return the last step after which the point is not close to the minimum, at each rate."""
    start = jnp.asarray(SETUP["start"])

    def at(learning_rate):
        optimizer = getattr(optimizers, name)(learning_rate)

        def step(carry, count):
            x, state, last = carry
            updates, state = optimizer.update(curvatures * x, state, x)
            x = optax.apply_updates(x, updates)
            close = jnp.max(jnp.abs(x)) <= SETUP["tolerance"]  # False of what is not finite.
            return (x, state, jnp.where(close, last, count)), None

        carry = start, optimizer.init(start), jnp.zeros([], int)
        return jax.lax.scan(step, carry, jnp.arange(1, most + 1))[0][2]

    return jax.vmap(at)(rates)


def path(name, learning_rate, setup):
    """Return where an optimizer goes, to the digits that can be seen."""
    eps, steps = setup["shown"]["eps"], setup["shown"]["steps"]
    if learning_rate is None:
        return None
    optimizer = getattr(optimizers, name)(learning_rate)
    found = landscapes.descend(optimizer, landscapes.valley([eps, 1]), setup["start"], steps)
    return np.round(found.positions, 4).tolist()


def pictures(found):
    eps, best = found.setup["shown"]["eps"], found.numbers["fastest"]
    paths = {name: path for name, path in found.numbers["paths"].items() if path}
    shown = found.setup["eps"].index(eps)
    titles = [f"{name}, {best[name][shown]['steps']} steps" for name in paths]
    panels = make_panels(titles, columns=3, size=(190, 130), x="x, the flat direction", y="y")
    valley = landscapes.valley([eps, 1])
    for i, (axes, points) in enumerate(zip(panels.axes, paths.values(), strict=True)):
        draw_surface(axes, valley, x=(-0.6, 1.1), y=(-0.6, 0.6))
        axes.plot(
            *np.transpose(points),
            **line_style(i) | {"markersize": 2, "linewidth": 0.9, "markevery": slice(40)},
        )
    described = (
        f"Where five optimizers go on a valley with eps = {eps}, each at the rate that brings it "
        "down in the fewest steps."
    )
    return {"paths": study.Picture(panels.figure, described)}


def tables(found):
    heads = ["steps (rate)", *(f"ε = {eps:g}" for eps in found.setup["eps"])]
    rows = [[f"`{name}`", *(cell(one) for one in found.numbers["fastest"][name])] for name in NAMES]
    return {"steps": study.table(heads, rows)}


def cell(fastest):
    if fastest["steps"] is None:
        return "–"
    return f"{fastest['steps']} ({rate(fastest['learning_rate'])})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
