"""The sections of the report that say how it came about and how to repeat it."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ae_optax.lab._format import counted, duration, integer, listed, number
from ae_optax.lab.report._columns import worded
from ae_optax.lab.report._comparison_facts import chosen_by, varied
from ae_optax.lab.report._html import config_details, definitions, without_folders
from ae_optax.lab.runs import ComparisonRecord, Summary


def method(record: ComparisonRecord) -> Iterator[str]:
    """Yield how it was done: budget, selection, target, and what each column means."""
    yield "<h2>How it was done</h2>"
    for paragraph in (_budget(record), _selection(record), _target(record)):
        yield f"<p>{escape(paragraph)}</p>"
    yield '<dl class="columns">'
    for column in worded(record):
        yield f"<dt>{escape(column.title)}</dt><dd>{escape(_sentence(column.meaning))}</dd>"
    yield "</dl>"


def tried(record: ComparisonRecord) -> str:
    """Return how many settings a contender tried: "9 learning rates", "9 to 27 settings"."""
    names = varied(record)
    counts = sorted({c.settings for c in record.contenders if c.failure is None}) or [0]
    noun = "setting" if names else "learning rate"
    text = " or ".join(counted(count, noun) for count in counts)
    return f"{text} of the learning rate and {listed(names)}" if names else text


def call_text(part: Mapping[str, Any]) -> str:
    """Write what a config says of a function as a call of it."""
    arguments = ", ".join(f"{k}={json.dumps(v)}" for k, v in part.items() if k != "name")
    return f"{part.get('name', 'custom')}({arguments})" if arguments else str(part.get("name"))


def reproducibility(record: ComparisonRecord, config: str | None) -> Iterator[str]:
    """Yield what it takes to get a comparison's numbers again."""
    yield "<h2>Reproducibility</h2>"
    yield from provenance(record, config if config is not None else _as_json(record))


def provenance(facts: Summary | ComparisonRecord, config: str) -> Iterator[str]:
    """Yield where numbers come from.

    Args:
        facts: What a run or a comparison left.
        config: The whole config.
    """
    data, about_data = facts.data, {}
    if data:
        about_data = {
            "Data": escape(without_folders(f"{data.name} ({data.source})")),
            "SHA-256": f"<code>{escape(data.fingerprint)}</code>",
            "Attribution": escape(data.attribution),
            "Passed over": escape(without_folders(data.passed_over)),
        }
    yield from definitions(
        {
            "Command": f"<code>{escape(without_folders(facts.command))}</code>"
            if facts.command
            else "",
            "Started": escape(facts.started),
            "Took": "" if facts.wall_seconds is None else escape(duration(facts.wall_seconds)),
            "Device": escape(facts.device),
            "Versions": escape(
                ", ".join(f"{name} {version}" for name, version in facts.versions.items())
            ),
            "Seeds": escape(", ".join(map(str, facts.seeds))),
            **about_data,
        }
    )
    yield from config_details(config)


def _budget(record):
    seeds = counted(len(record.seeds), "seed")
    every = "Every contender had the same budget, fixed beforehand" if _fair(record) else "Budget"
    budget = f"{every}: {tried(record)} × {seeds}"
    steps = record.epochs * record.steps_per_epoch
    return (
        f"{budget}, each run {counted(record.epochs, 'epoch')} ({counted(steps, 'step')}) of "
        f"batches of {record.batch_size}. The model, {call_text(record.model)}, has "
        f"{integer(record.parameters)} parameters; the loss is {call_text(record.loss)}. "
        f"A seed decides initial parameters and the order of the {_are(record)}; every contender "
        "gets the same seeds."
    )


def _fair(record):
    return len({c.settings for c in record.contenders if c.failure is None}) <= 1


def _selection(record):
    data = record.data
    parts = f"{integer(data.train)} for training, {integer(data.validation)} for validation"
    parts = f"{parts} and {integer(data.test)} for testing"
    size = " × ".join(map(str, data.shape))
    unit = "pixels" if _are(record) == "images" else "numbers"
    by = (
        "the lowest median validation loss over seeds after the last epoch"
        if chosen_by(record) == "validation"
        else "the lowest median training loss over seeds in the last epoch, as there is no "
        "validation set"
    )
    return (
        f"The data are {data.name}: {_are(record)} of {size} {unit}, {parts}. A contender's "
        f"setting is the one with {by}; everything reported at it is measured on the test set, "
        "which had no part in the choice."
    )


def _are(record):
    return "vectors" if len(record.data.shape) == 1 else "images"


def _target(record):
    if record.target is None:
        return "There is no target, as no contender has a result."
    rule = record.target_rule.strip().rstrip(".")
    return f"The target is a test loss of {number(record.target)}: {rule}."


def _sentence(clause):
    return clause[0].upper() + clause[1:] + "."


def _as_json(record):
    contenders = [
        {"label": c.label, "optimizer": c.optimizer, "learning_rates": c.learning_rates}
        for c in record.contenders
    ]
    config = {
        "model": record.model,
        "loss": record.loss,
        "epochs": record.epochs,
        "batch_size": record.batch_size,
        "seeds": record.seeds,
        "contenders": contenders,
    }
    return json.dumps(config, indent=1, ensure_ascii=False)
