"""How well does the plain autoencoder give digits back?

Usage: python experiments/15_reconstructions/run.py [--quick | --redraw]
"""

from pathlib import Path

import jax
import numpy as np

from ae_optax.lab import study, training
from ae_optax.lab.figures import (
    Line,
    draw_image,
    draw_line,
    fit_value_axis,
    line_style,
    make_panels,
    number,
    spread_of,
)

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "autoencoder_adam.yaml"
SETUP = {
    "config": study.overridden(CONFIG),
    "seeds": [0, 1, 2],
    "components": 64,
    # The first test image of each digit, from 0 to 9.
    "shown": [3, 2, 1, 18, 4, 8, 11, 0, 61, 7],
}
DIGITS = ["data={name: digits}", "model.code=8", "training.epochs=20"]
QUICK = {"config": study.overridden(CONFIG, DIGITS), "seeds": [0], "components": 8}


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    overrides = DIGITS if quick else []
    found = [
        study.train_with_state(CONFIG, [*overrides, f"training.seed={s}"]) for s in setup["seeds"]
    ]
    task = found[0].task
    test, shown = task.data.test, setup["shown"]
    outputs = {
        "autoencoder": [reconstructed(one) for one in found],
        "pca": [study.pca(task.data.train, setup["components"])(test)],
    }
    errors = {name: [errors_of(made, test) for made in its] for name, its in outputs.items()}
    worse = [int(np.sum(own > errors["pca"][0])) for own in errors["autoencoder"]]
    numbers = {
        "test_mse": {name: [digits(np.mean(one)) for one in its] for name, its in errors.items()},
        "worst_of_100": {
            name: [digits(np.quantile(one, 0.99)) for one in its] for name, its in errors.items()
        },
        "images_worse_than_pca": worse,
        "ratio": digits(np.mean(errors["pca"][0]) / np.median(np.mean(errors["autoencoder"], 1))),
        "curves": [[digits(row.test_loss) for row in one.run.rows] for one in found],
        "train_mse": [digits(one.run.rows[-1].train_loss) for one in found],
        "shown": {name: [digits(its[0][i]) for i in shown] for name, its in errors.items()},
        "parameters": found[0].run.summary.parameters,
        "images": {"train": len(task.data.train), "test": len(test)},
        "pixels": test[0].size,
    }
    arrays = {"original": test[shown]} | {name: its[0][shown] for name, its in outputs.items()}
    arrays = {k: np.round(255 * np.clip(a, 0, 1)).astype(np.uint8) for k, a in arrays.items()}
    return study.Measured(setup, numbers, setup["seeds"], arrays)


def reconstructed(found):
    reconstruct = jax.jit(training.make_reconstruct(found.task))
    return np.asarray(reconstruct(found.state, found.task.data.test).outputs)


def errors_of(made, images):
    """Return the mean squared error of each image."""
    return np.mean((made - images) ** 2, axis=(1, 2))


def digits(value):
    return float(f"{value:.4g}")


def pictures(found):
    return {"reconstructions": reconstructions(found), "curve": curve(found)}


def reconstructions(found):
    own, shown = found.numbers["shown"], found.setup["shown"]
    rows = {"original": "original", "autoencoder": "autoencoder", "pca": "PCA"}
    panels = make_panels([""] * len(rows) * len(shown), columns=len(shown), size=(62, 72))
    cells = iter(panels.axes)
    for name, said in rows.items():
        for i in range(len(shown)):
            error = number(own[name][i]) if name in own else ""
            beside = "" if i else said
            draw_image(next(cells), found.arrays[name][i] / 255, above=error, beside=beside)
    described = (
        "The first test image of each digit, what the autoencoder and principal components make "
        "of it, and the mean squared error of each picture."
    )
    return study.Picture(panels.figure, described)


def curve(found):
    panels = make_panels([""], columns=1, size=(400, 230), x="epoch", y="test MSE")
    (axes,) = panels.axes
    spread = spread_of(found.numbers["curves"])
    level = found.numbers["test_mse"]["pca"][0]
    fit_value_axis(axes, [spread], "", level)
    epochs = np.arange(1, len(spread.median) + 1)
    draw_line(axes, Line(0, "", epochs, spread), markers=True)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.axhline(level, **line_style(1) | {"marker": ""})
    axes.text(epochs[-1], level, "PCA", ha="right", va="bottom")
    described = (
        "Mean squared error on the test images after each epoch, the median of the seeds and their "
        "range, and that of principal components."
    )
    return study.Picture(panels.figure, described)


def tables(found):
    numbers, code = found.numbers, found.setup["components"]
    names = {"autoencoder": "autoencoder", "pca": f"PCA, {code} components"}
    rows = [
        [said, ranged(numbers["test_mse"][name]), ranged(numbers["worst_of_100"][name])]
        for name, said in names.items()
    ]
    heads = ["", "test MSE", "MSE that 1 image in 100 exceeds"]
    return {"errors": study.table(heads, rows)}


def ranged(values):
    """Write the median, and of several values their range."""
    if len(values) == 1:
        return number(values[0])
    return f"{number(np.median(values))} ({number(min(values))}–{number(max(values))})"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
