"""Which optimizer keeps a sparse dictionary alive?

Usage: python experiments/20_sparse_dictionary/run.py [--quick | --redraw]
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax.lab import study, training
from ae_optax.lab.data import planted_features
from ae_optax.lab.figures import (
    Line,
    colour,
    draw_line,
    line_style,
    make_panels,
    number,
    rate,
    spread_of,
)
from ae_optax.lab.plans import load_comparison, make_task

HERE = Path(__file__).parent
CONFIG, CONFIGS = HERE / "planted.yaml", HERE.parents[1] / "configs"
SPHERE = ", sphere"
SETUP = {
    "contenders": "all of planted.yaml",
    "seeds": {"choosing": 0, "reporting": [0, 1, 2, 3, 4]},
    "planted": {},
    "activations": {
        "of": "mnist/autoencoder_adam.yaml",
        "epochs": 5,
        "layer": "the last hidden one before the code",
        "images": 25576,
        "validation": 1000,
        "code": 1024,
        "k": 16,
    },
    # Their optimizers as they come; the loss they differentiate is a sum over inputs, not a mean.
    "published": {
        "SAELens": {"learning_rate": 3e-4, "max_norm": 1.0},
        "dictionary_learning": {
            "learning_rate": "2e-4 / sqrt(code / 16384)",
            "warmup_steps": 1000,
            "max_norm": 1.0,
        },
    },
}
QUICK = {
    "contenders": ["Adam", "Adam, sphere"],
    "seeds": {"choosing": 0, "reporting": [0, 1]},
    "planted": {"count": 1500, "inputs": 16, "features": 32, "active": 2, "code": 32, "k": 3},
    "activations": {
        "of": "digits/train_adam.yaml",
        "epochs": 5,
        "layer": "the last hidden one before the code",
        "images": 1000,
        "validation": 200,
        "code": 64,
        "k": 4,
    },
}
SCORES = ("fvu", "dead_units", "code_l0", "mean_max_cosine", "recovered")
AT_RATES = ("fvu", "dead_units")
HEADS = ("unexplained", "dead", "L0", "mean cosine", "found")


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    planted, features, inputs = planted_overrides(setup["planted"])
    activations, width = activations_overrides(setup["activations"])
    numbers = {
        "planted": compared(setup, planted, inputs) | {"references": references(planted, features)},
        "activations": compared(setup, activations, width),
    }
    configs = {"planted": planted, "activations": activations}
    setup["configs"] = {name: study.overridden(CONFIG, words) for name, words in configs.items()}
    return study.Measured(setup, numbers, setup["seeds"]["reporting"])


def planted_overrides(smaller):
    """Return what is changed in the config, how many features are planted in how many inputs."""
    config = study.overridden(CONFIG)
    if not smaller:
        return [], config["data"]["features"], config["data"]["inputs"]
    data = {key: smaller[key] for key in ("count", "inputs", "features", "active")}
    metrics = [
        metric | ({"features": smaller["features"]} if "features" in metric else {})
        for metric in config["metrics"]
    ]
    own = f"{HERE}/by_rank.py:found_by_rank"  # On a command line a path begins at its folder.
    metrics = [m | ({"name": own} if m["name"].startswith("./") else {}) for m in metrics]
    changed = {"data": {"name": "planted", **data}, "metrics": metrics}
    return as_overrides(changed, smaller), smaller["features"], smaller["inputs"]


def activations_overrides(of):
    """Write the activations of a hidden layer; return what makes them the data of the config."""
    path = Path("runs") / "experiments" / HERE.name / f"{Path(of['of']).parent}-activations.npz"
    if not path.exists():  # Made once: with more threads a product is rounded differently.
        trained = study.train_with_state(CONFIGS / of["of"], [f"training.epochs={of['epochs']}"])
        layers, data = trained.state.params["encoder"], trained.task.data
        path.parent.mkdir(parents=True, exist_ok=True)
        train, test = data.train[: of["images"]], data.test
        np.savez(path, train=last_hidden(layers, train), test=last_hidden(layers, test))
    with np.load(path) as file:
        width = file["test"].shape[1]
    data = {"name": "arrays", "path": str(path), "validation": of["validation"]}
    names = ("fvu", "dead_units", "code_l0")
    changed = {
        "data": data | {"standardize": "whole"},
        "metrics": [{"name": name} for name in names],
    }
    return as_overrides(changed, of), width


def last_hidden(layers, images):
    x = images.reshape(len(images), -1)
    for number_ in range(len(layers) - 1):
        layer = layers[number_]
        x = np.maximum(x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]), 0)
    return x


def as_overrides(changed, model):
    words = [f"{key}={json.dumps(value)}" for key, value in changed.items()]
    return [*words, *(f"model.{key}={model[key]}" for key in ("code", "k"))]


def compared(setup, overrides, inputs):
    """Choose every contender's rate on validation vectors, then report on test vectors."""
    config = study.overridden(CONFIG, overrides)
    contenders, chosen = config["compare"]["contenders"], setup["contenders"]
    contenders = [c for c in contenders if c["label"] in chosen or isinstance(chosen, str)]
    free = [c for c in contenders if not c["label"].endswith(SPHERE)]
    tried = trials(overrides, free, setup["seeds"]["choosing"])
    at_best = [
        contender | {"learning_rates": [best_of(tried[name_of(contender["label"])])]}
        for contender in contenders
    ]
    at_best += published(setup["published"], inputs, config["model"]["code"])
    reported, budget = compare(overrides, at_best, setup["seeds"]["reporting"])
    rows = {label: of_contender(found, tried.get(label, ())) for label, found in reported.items()}
    return {**budget, "rows": rows, **paired(rows)}


def trials(overrides, contenders, seed):
    """Try every contender's rates, and others beyond while the best one is the last on its side."""
    tried = {contender["label"]: {} for contender in contenders}
    left = contenders
    while left:
        made, _ = compare(overrides, left, [seed])
        for label, found in made.items():
            tried[label] |= {run.learning_rate: run for run in found.runs}
        # The best one is there already, and stands in the record if all beyond diverge.
        left = [c | {"learning_rates": beyond(tried[c["label"]])} for c in left]
        left = [contender for contender in left if contender["learning_rates"]]
    return {label: [runs[at] for at in sorted(runs)] for label, runs in tried.items()}


def beyond(runs):
    """Return the best rate and one half a decade beyond it, none if it lies within the others."""
    rates, best = sorted(runs), best_of(runs.values())
    for last, before in (rates[-1:-3:-1], rates[:2]):
        if best == last:
            return [best, float(f"{last * last / before:.0e}")]
    return []


def best_of(runs):
    finite = [run for run in runs if not run.diverged]
    return min(finite, key=lambda run: run.validation_loss[-1]).learning_rate


def name_of(label):
    """Return what an optimizer is called, wherever the entries are."""
    return label.removesuffix(SPHERE)


def compare(overrides, contenders, seeds):
    said = json.dumps(contenders).replace('"swept"', "swept")  # In quotes it would be a text.
    words = [f"compare.contenders={said}", f"compare.seeds={seeds}"]
    record = study.compare(CONFIG, [*overrides, *words])
    budget = {
        "inputs": record.data.shape[0],
        "vectors": {"train": record.data.train, "test": record.data.test},
        "steps": record.epochs * record.steps_per_epoch,
    }
    return {found.label: found for found in record.contenders}, budget


def published(of, inputs, code):
    """Return the optimizers that two libraries train with unless they are told otherwise."""
    lens, learning = of["SAELens"], of["dictionary_learning"]

    def of_entries(name):
        entries = {"name": name, "axis": 0}
        return {
            "name": "by_path",
            "groups": {"decoder/kernel": entries, "**": {"name": "identity"}},
        }

    def clipped(max_norm):
        clip = {"name": "clip_by_global_norm", "max_norm": max_norm}
        return [{"name": "scale", "factor": float(inputs)}, clip]

    constant = {"name": "adam", "learning_rate": "swept"}
    rising = {"name": "linear", "init_value": 0.0, "end_value": "swept"}
    warmed = {"name": "adam", "learning_rate": rising | {"duration": learning["warmup_steps"]}}
    before, after = of_entries("remove_parallel"), of_entries("retract_to_sphere")
    chains = {
        "SAELens": [*clipped(lens["max_norm"]), constant],
        "dictionary_learning": [before, *clipped(learning["max_norm"]), warmed, after],
    }
    rates = {"SAELens": lens["learning_rate"], "dictionary_learning": 2e-4 / (code / 2**14) ** 0.5}
    return [
        {"label": label, "optimizer": {"chain": chain}, "learning_rates": [rates[label]]}
        for label, chain in chains.items()
    ]


def of_contender(found, tried):
    """Return what the seeds of a contender came to, and how its rate was chosen."""
    seeds = sorted(found.runs, key=lambda run: run.seed)
    names = [name.removeprefix("test_") for name in seeds[0].rows if name.startswith("test_")]
    kept = [name for name in names if name in SCORES or name.startswith("cosine_to_")]
    return {
        "learning_rate": seeds[0].learning_rate,
        "tried": [
            {
                "learning_rate": run.learning_rate,
                "validation_loss": study.rounded(run.validation_loss[-1]),
                **{name: study.rounded(run.rows[f"test_{name}"][-1]) for name in AT_RATES},
            }
            for run in tried
        ],
        "diverged": sum(run.diverged for run in seeds),
        **{name: over_seeds([run.rows[f"test_{name}"][-1] for run in seeds]) for name in kept},
    }


def over_seeds(values):
    spread = (study.rounded(x) for x in spread_of(values))
    return {
        "seeds": study.rounded(values),
        **dict(zip(("median", "lowest", "highest"), spread, strict=True)),
    }


def paired(rows):
    """Return, seed by seed, what the sphere changes, and what every optimizer has beside Adam."""
    on_sphere = {label: f"{label}{SPHERE}" for label in rows if f"{label}{SPHERE}" in rows}
    others = [label for label in rows if label != "Adam"]
    return {
        "sphere": {label: apart(rows[other], rows[label]) for label, other in on_sphere.items()},
        "beside_adam": {label: apart(rows[label], rows["Adam"]) for label in others},
    }


def apart(row, base):
    """Return the differences of scores from those of the same seeds: negative where lower."""
    found = {}
    for name in [name for name in SCORES if name in row]:
        its, others = (np.array(one[name]["seeds"], float) for one in (row, base))
        found[name] = {**over_seeds(its - others), "seeds_lower": int(np.sum(its < others))}
    return found


def references(overrides, features):
    """Measure the dictionary before training, and the one of which the vectors were made."""
    config = load_comparison(CONFIG, overrides)
    task = make_task(config)
    images = training.on_device(task.data)
    truth = jnp.asarray(planted_features(task.data.shape[0], features), jnp.float32)

    @jax.jit
    def measured(images):
        state = training.make_start(task)(0, images).state
        evaluate = training.make_evaluate(task)
        true = {
            "encoder": {"kernel": truth.T, "bias": jnp.zeros(features)},
            "decoder": {"kernel": truth, "bias": jnp.zeros(truth.shape[1])},
        }
        before, planted = state, state._replace(params=true)
        return {
            name: evaluate(one, images.test)
            for name, one in (("untrained", before), ("planted", planted))
        }

    return {
        name: {score: study.rounded(x) for score, x in scores.items()}
        for name, scores in measured(images).items()
    }


def pictures(found):
    return {
        "alive": study.Picture(
            alive_figure(found.numbers),
            "Unexplained variance, dead entries and cosines of every optimizer, with free entries "
            "and with entries on the sphere, on planted features and on activations.",
        ),
        "rates": study.Picture(
            rates_figure(found.numbers),
            "Unexplained variance against the share of dead entries, at each rate that an "
            "optimizer tried, on planted features and on activations.",
        ),
        "by_rank": study.Picture(
            rank_figure(found.numbers["planted"]),
            "Mean cosine of planted features and their nearest entries against their rank by "
            "frequency, for every optimizer.",
        ),
    }


PANELS = {
    "planted: unexplained": ("planted", "fvu"),
    "planted: dead": ("planted", "dead_units"),
    "planted: mean cosine": ("planted", "mean_max_cosine"),
    "activations: unexplained": ("activations", "fvu"),
    "activations: dead": ("activations", "dead_units"),
}
ON_SPHERE = ("dictionary_learning",)


def is_on_sphere(label):
    return label.endswith(SPHERE) or label in ON_SPHERE


def alive_figure(numbers):
    key = [(0, "entries free"), (1, "entries on the sphere")]
    panels = make_panels(list(PANELS), columns=3, size=(205, 170), key=key, share_x=False)
    labels = list(numbers["planted"]["rows"])
    names = [label for label in labels if not label.endswith(SPHERE)]
    for axes, (data, score) in zip(panels.axes, PANELS.values(), strict=True):
        rows = numbers[data]["rows"]
        for label in labels:
            on_sphere = int(is_on_sphere(label))
            y = names.index(name_of(label)) + 0.16 * (2 * on_sphere - 1)
            its, shade = rows[label][score], colour(on_sphere)
            axes.plot([its["lowest"], its["highest"]], [y, y], color=shade, linewidth=1.2)
            marker = "so"[1 - on_sphere]
            axes.plot(its["median"], y, marker=marker, color=shade, markersize=4, markeredgewidth=0)
        axes.set_xlim(left=0)
        axes.set_yticks(range(len(names)), names)
    panels.axes[0].invert_yaxis()  # They share it.
    return panels.figure


def rates_figure(numbers):
    rows = numbers["planted"]["rows"]
    names = [label for label, row in rows.items() if row["tried"]]
    panels = make_panels(
        ["planted", "activations"],
        columns=2,
        size=(300, 200),
        x="dead",
        y="unexplained",
        key=list(enumerate(names)),
        share_y=False,
    )
    for axes, data in zip(panels.axes, ("planted", "activations"), strict=True):
        for position, name in enumerate(names):
            tried = numbers[data]["rows"][name]["tried"]
            dead, unexplained = ([one[score] for one in tried] for score in AT_RATES[::-1])
            axes.plot(dead, unexplained, **line_style(position))
        axes.set_xlim(-0.03, 1.03)
    return panels.figure


def rank_figure(planted):
    rows, before = planted["rows"], planted["references"]["untrained"]
    ranks = (name.removeprefix("cosine_to_") for name in before if name.startswith("cosine_to_"))
    last = np.array(sorted(map(int, ranks)))
    groups = [f"cosine_to_{rank}" for rank in last]
    names = [label for label in rows if not label.endswith(SPHERE)]
    key = [*enumerate(names), (len(names), "untrained")]
    panels = make_panels(
        ["entries free", "entries on the sphere"],
        columns=2,
        size=(300, 220),
        x="features by falling frequency, up to this one",
        y="mean cosine with the nearest entry",
        key=key,
    )
    for on_sphere, axes in enumerate(panels.axes):
        axes.set_ylim(0, 1)
        axes.set_xscale("log", base=2)
        for label, row in rows.items():
            if is_on_sphere(label) == on_sphere:
                curves = np.transpose([row[name]["seeds"] for name in groups])
                position = names.index(name_of(label))
                draw_line(axes, Line(position, "", last, spread_of(curves)), markers=True)
        untrained = spread_of([[before[name] for name in groups]])
        draw_line(axes, Line(len(names), "", last, untrained), markers=True)
        axes.set_xticks(last, [str(x) for x in last])
        axes.minorticks_off()
    return panels.figure


def tables(found):
    blocks = {name: table_of(found.numbers[name]) for name in ("planted", "activations")}
    return blocks | {"sphere": sphere_table(found.numbers)}


def table_of(numbers):
    rows = numbers["rows"]
    known = [name for name in SCORES if name in next(iter(rows.values()))]
    lines = [
        [label, rate(row["learning_rate"]), *(cell(row[name]) for name in known)]
        for label, row in rows.items()
    ]
    for label, scores in numbers.get("references", {}).items():
        lines.append([f"*{label}*", "", *(number(scores[name]) for name in known)])
    heads = dict(zip(SCORES, HEADS, strict=True))
    return study.table(["", "rate", *(heads[name] for name in known)], lines)


def cell(its):
    return f"{number(its['median'])} ({number(its['lowest'])}–{number(its['highest'])})"


def sphere_table(numbers):
    columns = [(data, score) for data, score in PANELS.values() if score != "code_l0"]
    seeds = len(next(iter(numbers["planted"]["rows"].values()))["fvu"]["seeds"])
    lines = [
        [label, *(changed(numbers[data]["sphere"][label][score], seeds) for data, score in columns)]
        for label in numbers["planted"]["sphere"]
    ]
    return study.table(["", *PANELS], lines)


def changed(its, seeds):
    return f"{number(its['median'])}, lower in {its['seeds_lower']} of {seeds}"


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
