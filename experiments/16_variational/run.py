"""Does a variational autoencoder make digits out of noise?

Usage: python experiments/16_variational/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax.lab import study, training
from ae_optax.lab.figures import Line, draw_image, draw_line, fit_value_axis, make_panels, spread_of

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "variational_autoencoder.yaml"
SETUP = {
    "config": study.overridden(CONFIG),
    "seeds": [0, 1, 2],
    # The first test image of each digit, from 0 to 9.
    "shown": [3, 2, 1, 18, 4, 8, 11, 0, 61, 7],
    # From digit to digit, along the straight line between the means of their codes.
    "walks": {"between": [[0, 6], [1, 7], [3, 8], [9, 4], [5, 2]], "points": 10},
}
DIGITS = ["data={name: digits}", "model.code=8", "training.epochs=20"]
QUICK = {"config": study.overridden(CONFIG, DIGITS), "seeds": [0]}
# What is measured on one set of images, in nats an image, by its name in the rows.
TERMS = {"loss": "−ELBO", "bce_sum": "pixels", "kl": "divergence", "bce_sum_excess": "excess"}


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = DIGITS if quick else []
    found = [
        study.train_with_state(CONFIG, [*overrides, f"training.seed={s}"]) for s in setup["seeds"]
    ]
    ends = {"train": [terms_of(one) for one in found]} | {
        "test": [{name: one.run.rows[-1].flat()[f"test_{name}"] for name in TERMS} for one in found]
    }
    numbers = {
        "ends": {
            part: {name: [hundredth(one[name]) for one in its] for name in TERMS}
            for part, its in ends.items()
        },
        "entropy": {
            part: hundredth(its[0]["bce_sum"] - its[0]["bce_sum_excess"])
            for part, its in ends.items()
        },
        "worse_on_test": [
            hundredth(test["loss"] - train["loss"])
            for train, test in zip(ends["train"], ends["test"], strict=True)
        ],
        "curves": {"train_loss": curves(found, "train_loss")}
        | {f"test_{name}": curves(found, f"test_{name}") for name in TERMS},
        "parameters": found[0].run.summary.parameters,
        "images": {part: len(getattr(found[0].task.data, part)) for part in ends},
        "pixels": found[0].task.data.test[0].size,
    }
    first, shown = found[0], found[0].task.data.test[setup["shown"]]
    reconstruct = jax.jit(training.make_reconstruct(first.task))
    arrays = {
        "original": shown,
        "reconstruction": reconstruct(first.state, shown).outputs,
        "sample": first.run.pictures["samples"],
        "walk": walk(first, shown, setup["walks"]),
    }
    arrays = {k: np.round(255 * np.asarray(a)).astype(np.uint8) for k, a in arrays.items()}
    return study.Measured(setup, numbers, setup["seeds"], arrays)


def terms_of(found):
    """Return the terms of the training images at the end, measured as those of the test images."""
    evaluate = jax.jit(training.make_evaluate(found.task))
    measured = evaluate(found.state, found.task.data.train)
    return {name: float(measured[name]) for name in TERMS}


def walk(found, shown, walks):
    """Return what lies between the codes of digits; shape (walks, points, height, width)."""
    model, loss, state = found.task.model, found.task.loss, found.state
    means = jax.jit(training.make_codes(found.task))(state, shown)
    share = jnp.linspace(0, 1, walks["points"])[:, None]

    @jax.jit
    def between(start, end):
        codes = (1 - share) * start + share * end
        decoded = model.decode(state.params, state.model_state, codes, shown.shape[1:])
        return loss.reconstruct(decoded)

    return jnp.stack([between(means[a], means[b]) for a, b in walks["between"]])


def curves(found, name):
    return [[hundredth(row.flat()[name]) for row in one.run.rows] for one in found]


def hundredth(value):
    return round(float(value), 2)


def pictures(found):
    return {"terms": terms(found), "images": images(found), "walks": walks(found)}


def terms(found):
    curves, entropy = found.numbers["curves"], found.numbers["entropy"]["test"]
    titles = ["negative ELBO", f"pixels, above their entropy of {entropy:.1f}", "divergence"]
    key = [(0, "train, over the epoch"), (1, "test, after the epoch")]
    panels = make_panels(
        titles, columns=3, size=(190, 180), x="epoch", y="nats an image", key=key, share_y=False
    )
    shown = [["train_loss", "test_loss"], ["test_bce_sum_excess"], ["test_kl"]]
    for axes, names in zip(panels.axes, shown, strict=True):
        spreads = {name: spread_of(curves[name]) for name in names}
        axes.xaxis.get_major_locator().set_params(integer=True)
        fit_value_axis(axes, list(spreads.values()), "", log=False)
        for name, spread in spreads.items():
            epochs = np.arange(1, len(spread.median) + 1)
            draw_line(axes, Line(int(name != "train_loss"), "", epochs, spread), markers=True)
    described = (
        "The negative evidence lower bound after each epoch and its two terms, the median of the "
        "seeds and their range."
    )
    return study.Picture(panels.figure, described)


def images(found):
    return study.Picture(
        grid({name: found.arrays[name] for name in ("original", "reconstruction", "sample")}),
        "The first test image of each digit, what the model makes of it, and what it makes of "
        "draws from the prior.",
    )


def walks(found):
    names = [f"{a} to {b}" for a, b in found.setup["walks"]["between"]]
    return study.Picture(
        grid(dict(zip(names, found.arrays["walk"], strict=True))),
        "What the decoder makes of the codes on the straight lines between those of two digits.",
    )


def grid(rows):
    """Draw named rows of images."""
    columns = len(next(iter(rows.values())))
    panels = make_panels([""] * len(rows) * columns, columns=columns, size=(58, 58))
    cells = iter(panels.axes)
    for name, its in rows.items():
        for i, image in enumerate(its):
            draw_image(next(cells), image / 255, beside="" if i else name)
    return panels.figure


def tables(found):
    ends = found.numbers["ends"]
    rows = [[part, *(ranged(ends[part][name]) for name in TERMS)] for part in ends]
    return {"terms": study.table(["nats an image", *TERMS.values()], rows)}


def ranged(values):
    """Write the median and the range."""
    return f"{np.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
