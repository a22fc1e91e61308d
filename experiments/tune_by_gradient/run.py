"""Can gradient descent tune the learning rate?

Usage: python experiments/tune_by_gradient/run.py [--quick | --redraw]
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax
from ae_optax.lab import data, losses, models, study, training
from ae_optax.lab.figures import FAINT, colour, log_axes, make_panels, number, rate

BATCH = 64
STEPS = 200
TURNS = 40
OUTER_RATE = 0.3
STARTS = (1e-4, 1e-3, 1e-1)
GRID = {"lowest": 1e-5, "highest": 1.0, "count": 41}
OTHERS = {"b1": 0.9, "b2": 0.999}
SEED = 0


def make_loss(steps):
    """Return the validation loss after so many steps of Adam, as a function of its numbers."""
    task = training.Task(models.mlp_autoencoder([32], 8), losses.mse(), data.digits())
    images = training.on_device(task.data)
    order = np.random.default_rng(SEED).integers(0, len(images.train), (steps, BATCH))
    evaluate = training.make_evaluate(task)

    def loss(told):
        optimizer = ae_optax.adam(jnp.exp(told["log_rate"]), b1=told["b1"], b2=told["b2"])
        step = training.make_step(task, optimizer)
        values = training.make_values(task.data)
        state = training.init_state(task.model, optimizer, images.train, SEED, values=values)
        state, _ = jax.lax.scan(lambda s, i: step(s, images.train[i]), state, jnp.asarray(order))
        return evaluate(state, images.validation)["loss"]

    return loss


def descend(loss, told, only, turns):
    """Return the path of the numbers, and their losses, as ``ae_optax.adam`` tunes some of them."""
    tuner = ae_optax.adam(OUTER_RATE)

    def turn(carry, _):
        tuned, state = carry
        value, slope = jax.value_and_grad(lambda t: loss(natural(told | t)))(tuned)
        updates, state = tuner.update(slope, state, tuned)
        after = optax.apply_updates(tuned, updates)
        return (after, state), (natural(told | tuned), value)

    told = {name: jnp.asarray(value, jnp.float32) for name, value in told.items()}
    tuned = {name: told[name] for name in only}
    start = tuned, tuner.init(tuned)
    _, path = jax.jit(lambda start: jax.lax.scan(turn, start, length=turns))(start)
    return path


def natural(told):
    """Return the numbers of free ones: a decay is a sigmoid, so that it cannot leave (0, 1)."""
    return told | {name: jax.nn.sigmoid(told[name]) for name in OTHERS}


def free(rate):
    logits = {name: np.log(value / (1 - value)) for name, value in OTHERS.items()}
    return {"log_rate": np.log(rate)} | logits


def measure(quick):
    steps, turns, count = (20, 3, 5) if quick else (STEPS, TURNS, GRID["count"])
    loss = make_loss(steps)
    rates = np.geomspace(GRID["lowest"], GRID["highest"], count)
    at = jax.jit(lambda log_rate: loss(natural(free(1.0) | {"log_rate": log_rate})))
    grid = [float(at(value)) for value in np.log(rates)]
    paths = []
    for only in (("log_rate",), ("log_rate", *OTHERS)):
        for start in STARTS:
            told, values = descend(loss, free(start), only, turns)
            best = int(np.nanargmin(values))
            paths.append(
                {
                    "tuned": [{"log_rate": "learning_rate"}.get(name, name) for name in only],
                    "rates": study.rounded(np.exp(told["log_rate"])),
                    "losses": study.rounded(values),
                    "best": {
                        "loss": study.rounded(values[best]),
                        "learning_rate": study.rounded(np.exp(told["log_rate"][best])),
                        **{name: study.rounded(told[name][best]) for name in OTHERS},
                    },
                }
            )
    setup = {
        "steps": steps, "batch": BATCH, "turns": turns, "outer_rate": OUTER_RATE,
        "starts": STARTS, "grid": GRID | {"count": count}, "others": OTHERS,
    }  # fmt: skip
    lowest = int(np.nanargmin(grid))
    numbers = {
        "rates": study.rounded(rates),
        "grid": study.rounded(grid),
        "best_of_grid": {
            "learning_rate": study.rounded(rates[lowest]),
            "loss": study.rounded(grid[lowest]),
        },
        "paths": paths,
    }
    return study.Measured(setup, numbers, (SEED,))


def pictures(found):
    numbers = found.numbers
    paths = [path for path in numbers["paths"] if path["tuned"] == ["learning_rate"]]
    key = [(i, f"from {rate(path['rates'][0])}") for i, path in enumerate(paths)]
    panels = make_panels(
        ["validation loss over the rate", "the rate by turn"],
        columns=2,
        size=(230, 200),
        key=key,
        share_x=False,
        share_y=False,
    )
    left, right = panels.axes
    left.plot(numbers["rates"], numbers["grid"], color=FAINT)
    for i, path in enumerate(paths):
        left.plot(path["rates"], path["losses"], color=colour(i), marker=".", linewidth=0.7)
        right.plot(path["rates"], color=colour(i))
    log_axes(left)
    log_axes(right, "y")
    left.set(xlabel="learning rate", ylabel="validation loss")
    right.set(xlabel="turns of the outer descent", ylabel="learning rate")
    described = (
        "Validation loss over the learning rate with the paths of three outer descents on it, "
        "and the rate by turn."
    )
    return {"paths": study.Picture(panels.figure, described)}


def tables(found):
    numbers = found.numbers
    best = numbers["best_of_grid"]
    usual = f"{OTHERS['b1']}, {OTHERS['b2']}"
    grid = f"a grid of {len(numbers['rates'])} rates"
    rows = [[grid, "", rate(best["learning_rate"]), usual, number(best["loss"])]]
    for path in numbers["paths"]:
        end = path["best"]
        decays = usual if len(path["tuned"]) == 1 else f"{end['b1']:.3f}, {end['b2']:.4f}"
        start, reached = rate(path["rates"][0]), rate(end["learning_rate"])
        rows.append([", ".join(path["tuned"]), start, reached, decays, number(end["loss"])])
    columns = ["tuned", "from", "best rate", "b1, b2", "validation loss"]
    return {"results": study.table(columns, rows)}


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
