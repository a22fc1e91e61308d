"""Do skip connections help a convolutional encoder-decoder to denoise?

Usage: python experiments/14_skip_connections/run.py [--quick | --redraw]
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import optimizers, schedules
from ae_optax.lab import corruptions, data, losses, models, study, training
from ae_optax.lab.figures import (
    Line,
    draw_image,
    draw_line,
    fit_value_axis,
    make_panels,
    rate,
    spread_of,
)
from ae_optax.lab.metrics import psnr_of_each

NETWORKS = {"no skip": 0, "shallow": 1, "both": 2}
SETUP = {
    "data": {"path": "bsds500", "train": {"crop": 32, "crops_per_image": 12}, "test": {"crop": 64}},
    "model": {"channels": [8, 16, 8], "initializer": "he_normal"},
    "skips": NETWORKS,
    "corruptions": {
        "clean": {},
        "salt_and_pepper": {"strength": 0.1},
        "gaussian_noise": {"strength": 0.1},
        "blur": {"strength": 1},
        "knockout": {"strength": 0.1},
    },
    "loss": "mse",
    "optimizer": "adam, cosine annealing from the learning rate to 0",
    "learning_rates": [3e-3, 1e-2, 3e-2],
    "epochs": 5,
    "batch_size": 8,
    "seeds": [0, 1, 2],
    "published": {"no skip": [21, 2.8], "shallow": [26, 3], "both": [30, 4]},
}
AT_ONCE = 100  # Images denoised: validation and test images then share one program.
QUICK = {"data": None, "learning_rates": [1e-2], "epochs": 1, "batch_size": 64, "seeds": [0]}


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    train, validation, test = load(setup["data"])
    kinds = {name: corruption(name, setup) for name in setup["corruptions"]}
    mixture = corruptions.mixture(list(kinds.values()))
    given = np.asarray(jax.jit(mixture.apply)(jax.random.key(0), validation))
    inputs = {
        name: np.asarray(jax.jit(kind.apply)(jax.random.key(position), test))
        for position, (name, kind) in enumerate(kinds.items())
    }
    fitted = {
        name: fit(name, setup, mixture, train, lambda denoise: psnr(denoise(given), validation))
        for name in NETWORKS
    }
    outputs = {
        name: [{kind: one(inputs[kind]) for kind in kinds} for one in found["denoise"]]
        for name, found in fitted.items()
    }
    ratios = {name: [ratios_of(one, test) for one in seeds] for name, seeds in outputs.items()}
    before = ratios_of(inputs, test)
    shown = most_ordinary(ratios["both"][0])
    strip = {"input": inputs} | {name: outputs[name][0] for name in NETWORKS}
    arrays = {"original": test[shown]} | {
        f"{kind} {column}": pictures[kind][shown]
        for column, pictures in strip.items()
        for kind in kinds
    }
    numbers = {
        "images": {"train": len(train), "validation": len(validation), "test": len(test)},
        "parameters": {name: found["parameters"] for name, found in fitted.items()},
        "validation_psnr_at_rates": {name: found["at_rates"] for name, found in fitted.items()},
        "best_rates": {name: found["learning_rate"] for name, found in fitted.items()},
        "steps": fitted["both"]["steps"],
        "validation_psnr": {name: found["curves"] for name, found in fitted.items()},
        "input": summary({kind: one for kind, one in before.items() if kind != "clean"}),
        "psnr": {name: [summary(one) for one in seeds] for name, seeds in ratios.items()},
        "gains": gains(ratios),
        "images_in_order": [in_order(*seeds) for seeds in zip(*ratios.values(), strict=True)],
        "shown": {
            "image": shown,
            "input": at_image(before, shown),
            **{name: at_image(seeds[0], shown) for name, seeds in ratios.items()},
        },
    }
    arrays = {name: np.round(255 * image).astype(np.uint8) for name, image in arrays.items()}
    return study.Measured(setup, numbers, setup["seeds"], arrays)


def load(where):
    """Return crops to train on, and larger ones to choose a rate and to report on."""
    if where is None:  # The digits come with the package.
        digits = data.digits()
        return digits.train, digits.validation, digits.test
    crops = data.image_folder(where["path"], **where["train"])
    larger = data.image_folder(where["path"], **where["test"])
    return crops.train, larger.validation, larger.test


def corruption(name, setup):
    return getattr(corruptions, name)(**setup["corruptions"][name])


def fit(name, setup, mixture, images, validate):
    """Train a network with every rate, then with the best one and the other seeds."""
    model = models.conv_encoder_decoder(**setup["model"], skips=NETWORKS[name])
    task, batch_size = training.Task(model, losses.mse(), corruption=mixture), setup["batch_size"]
    steps = setup["epochs"] * training.steps_per_epoch(len(images), batch_size)
    images = jnp.asarray(images)

    def make_optimizer(learning_rate):
        return optimizers.adam(
            schedules.cosine_annealing(learning_rate, min_value=0, duration=steps)
        )

    @functools.partial(jax.jit, donate_argnums=1)
    def epoch(learning_rate, state, images):
        optimizer = make_optimizer(learning_rate)
        step = training.make_step(task, optimizer)
        return training.make_epoch(step, batch_size)(state, images)

    start = jax.jit(lambda seed: training.init_state(model, make_optimizer(1.0), images, seed))
    reconstruct = jax.jit(training.make_reconstruct(task._replace(corruption=None)))

    def run(learning_rate, seed):
        state, curve = start(seed), []

        def denoise(given):
            parts = np.split(given, range(AT_ONCE, len(given), AT_ONCE))
            return np.concatenate([reconstruct(state, part).outputs for part in parts])

        for number in range(setup["epochs"]):
            state, _ = epoch(learning_rate, state, images)
            curve.append(round(validate(denoise), 3))
            print(
                f"{name} {learning_rate} {seed} {number + 1} {state.epoch.loss:.5f} {curve[-1]}",
                flush=True,
            )
        return curve, denoise

    first, *others = setup["seeds"]
    tried = {learning_rate: run(learning_rate, first) for learning_rate in setup["learning_rates"]}
    best = max(tried, key=lambda learning_rate: tried[learning_rate][0][-1])
    curves, denoise = zip(tried[best], *(run(best, seed) for seed in others), strict=True)
    return {
        "parameters": models.count_parameters(model, images[:1]),
        "at_rates": {str(learning_rate): curve[-1] for learning_rate, (curve, _) in tried.items()},
        "learning_rate": best,
        "steps": [(number + 1) * steps // setup["epochs"] for number in range(setup["epochs"])],
        "curves": curves,
        "denoise": denoise,
    }


def psnr(pictures, images):
    return float(psnr_of_each(pictures, images).mean())


def ratios_of(pictures, images):
    """Return the PSNR of each picture, by corruption."""
    return {kind: np.asarray(psnr_of_each(one, images)) for kind, one in pictures.items()}


def summary(ratios):
    """Return mean and standard deviation over the images, for each corruption and over all."""
    ratios = ratios | {"overall": np.concatenate(list(ratios.values()))}
    return {
        kind: [round(float(f(one)), 3) for f in (np.mean, np.std)] for kind, one in ratios.items()
    }


def gains(ratios):
    """Return how much more each network has than the one before, each seed by corruption."""
    pairs = {"shallow": "no skip", "both": "shallow"}
    means = {name: [summary(one) for one in seeds] for name, seeds in ratios.items()}
    return {
        name: [
            {kind: round(more[kind][0] - less[kind][0], 3) for kind in more}
            for more, less in zip(means[name], means[other], strict=True)
        ]
        for name, other in pairs.items()
    }


def in_order(none, shallow, both):
    """Return the share of all test images, by corruption, in which the order holds."""
    return {
        kind: round(float(np.mean((none[kind] < shallow[kind]) & (shallow[kind] < both[kind]))), 3)
        for kind in none
    }


def most_ordinary(ratios):
    """Return the image whose mean PSNR is the median of all."""
    means = np.mean(list(ratios.values()), axis=0)
    return int(np.argsort(means)[len(means) // 2])


def at_image(ratios, shown):
    return {kind: round(float(one[shown]), 2) for kind, one in ratios.items()}


def pictures(found):
    return {"examples": examples(found), "training": curves(found)}


def examples(found):
    numbers, kinds = found.numbers["shown"], list(found.setup["corruptions"])
    columns = ("input", *NETWORKS)
    panels = make_panels([""] * 5 * len(kinds), columns=5, size=(98, 98))
    cells = iter(panels.axes)
    for kind in kinds:
        draw_image(next(cells), found.arrays["original"] / 255, above="original", beside=said(kind))
        for column in columns:
            ratio = numbers[column][kind]
            above = column if ratio >= 100 else f"{column}, {ratio:.1f} dB"
            draw_image(next(cells), found.arrays[f"{kind} {column}"] / 255, above=above)
    described = (
        "One test image under five corruptions, and what three networks make of each, with the "
        "PSNR of every picture."
    )
    return study.Picture(panels.figure, described)


def curves(found):
    key = list(enumerate(NETWORKS))
    panels = make_panels(
        [""], columns=1, size=(380, 220), x="step", y="validation PSNR (dB)", key=key
    )
    (axes,) = panels.axes
    spreads = [spread_of(found.numbers["validation_psnr"][name]) for name in NETWORKS]
    fit_value_axis(axes, spreads, "", log=False)
    for position, spread in enumerate(spreads):
        draw_line(axes, Line(position, "", np.array(found.numbers["steps"]), spread), markers=True)
    described = (
        "PSNR on validation images after each epoch for three networks, the median of the seeds "
        "and their range."
    )
    return study.Picture(panels.figure, described)


def tables(found):
    numbers = found.numbers
    kinds = list(numbers["psnr"]["both"][0])
    heads = ["PSNR in dB", *map(said, kinds), "seeds, overall", "published, overall"]
    rows = [["the input itself", *(cell([numbers["input"]], k) for k in kinds), "", ""]]
    for name in NETWORKS:
        seeds = numbers["psnr"][name]
        means = [one["overall"][0] for one in seeds]
        mean, deviation = found.setup["published"][name]
        rows.append(
            [
                name,
                *(cell(seeds, kind) for kind in kinds),
                f"{min(means):.2f}–{max(means):.2f}",
                f"{mean} ({deviation})",
            ]
        )
    tried = numbers["validation_psnr_at_rates"]
    heads_of_rates = ["validation PSNR in dB", *map(rate, found.setup["learning_rates"])]
    rows_of_rates = [[name, *(f"{one:.2f}" for one in tried[name].values())] for name in NETWORKS]
    return {"psnr": study.table(heads, rows), "rates": study.table(heads_of_rates, rows_of_rates)}


def cell(seeds, kind):
    """Write mean and standard deviation over images, each the median over the seeds."""
    if kind not in seeds[0]:
        return "–"
    mean, deviation = np.median([one[kind] for one in seeds], axis=0)
    return f"{mean:.1f} ({deviation:.1f})"


def said(kind):
    return kind.replace("_", " ")


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
