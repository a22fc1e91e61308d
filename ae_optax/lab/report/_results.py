"""The sections of a comparison's report that show what came out."""

import json
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from ae_optax.lab._format import counted, loss_in_words
from ae_optax.lab.figures import Labels, Line, line_figure
from ae_optax.lab.report._columns import COST, VERDICT, Column, worded
from ae_optax.lab.report._comparison_facts import (
    best_runs,
    by_chance,
    chosen_by,
    over_seeds,
    ranked,
    varied,
    wins,
    with_result,
)
from ae_optax.lab.report._html import definitions, figures, key_to, swatch, without_folders
from ae_optax.lab.report._html import table as html_table
from ae_optax.lab.report._method import tried
from ae_optax.lab.report._run_facts import changes_weights
from ae_optax.lab.report._sensitivity import sensitivity as sensitivity_figure
from ae_optax.lab.report._sentences import without_result
from ae_optax.lab.runs import ComparisonRecord


def table(record: ComparisonRecord) -> Iterator[str]:
    """Yield the verdict table, best first, and on what it rests."""
    yield "<h2>Verdict</h2>"
    yield from _columns(record, VERDICT)
    said = (
        f"Budget: {tried(record)} × {counted(len(record.seeds), 'seed')} × "
        f"{counted(record.epochs, 'epoch')} for every contender. "
    )
    if len(record.seeds) > 1:
        said += (
            f"All have the same seeds, and a contender is ahead of another if it is lower with "
            f"{wins(record)}; of two equal ones one is ahead so in {by_chance(record)} of cases."
        )
    yield f'<p class="note">{escape(said)}</p>'


def cost(record: ComparisonRecord) -> Iterator[str]:
    """Yield the table of time and memory."""
    if any(c.runs for c in record.contenders):
        yield f"<h2>{'Memory' if record.times_left_out else 'Time and memory'}</h2>"
        yield from _columns(record, COST)


def sensitivity(record: ComparisonRecord) -> Iterator[str]:
    """Yield the figure of final loss against learning rate."""
    wide = sensitivity_figure(record, width=640, height=320, name="sw")
    narrow = sensitivity_figure(record, width=340, height=310, name="sn")
    if wide is None or narrow is None:
        return
    others = f"; what else was tuned is chosen at each rate, by {chosen_by(record)} loss"
    others = others if varied(record) else ""
    yield "<h2>Sensitivity to the learning rate</h2>"
    yield "<figure>"
    yield key_to((i, contender.label) for i, contender in ranked(record) if contender.runs)
    yield f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    yield (
        "<figcaption>Final test loss at every learning rate tried: median over seeds, the band "
        f"from the lowest to the highest{others}. The wider the valley, the less a contender "
        "depends on tuning; bars above it span the usable rates, those within 10 % of the best. × "
        "marks rates at which runs diverged, a faint × where some seeds did not; the dashed line "
        "is the untrained model.</figcaption>"
    )
    yield "</figure>"


def curves(record: ComparisonRecord) -> Iterator[str]:
    """Yield the figures of loss by step and by time."""
    by_step = _loss(record, "test_loss", "ts")
    if by_step is None:
        return
    by_time = None if record.times_left_out else _loss(record, "test_loss", "tt", seconds=True)
    yield f"<h2>Loss by step{' and by time' if by_time else ''}</h2>"
    yield key_to((i, contender.label) for i, contender, _ in with_result(record))
    reading = (
        "by step and by seconds, compilation left out: {}. What is ahead by step but not by time "
        "pays for it in each step."
        if by_time
        else "by step: {}."
    ).format(
        "median over seeds, the band from the lowest to the highest; the thin line is the target, "
        "if in sight"
    )
    yield from figures(
        [svg for svg in (by_step, by_time) if svg is not None],
        f"Test loss at each contender's best learning rate, {reading}",
    )
    train = _loss(record, "train_loss", "rs")
    validation = _loss(record, "validation_loss", "vs")
    parts = [svg for svg in (train, validation) if svg is not None]
    if parts:
        reading = (
            "The weight of a term of the loss changed on the way, so losses of different epochs "
            "are not comparable: look at the terms themselves."
            if changes_weights(json.dumps(record.loss))
            else "A training loss that falls on while the test loss does not is overfitting."
        )
        said = "Training loss, the mean over each epoch"
        said += ", and validation loss, by which rates were chosen" if validation else ""
        yield from figures(
            parts,
            f"{said}; at the same runs. {reading}",
        )


def lines_at_best(record: ComparisonRecord, key: str, *, seconds: bool = False) -> Sequence[Line]:
    """Return each contender's line of a recorded number at its best rate, best first."""
    lines = []
    for position, contender, best in with_result(record):
        runs = best_runs(contender, best)
        spread = over_seeds(runs, key)
        if spread is not None:
            unit = _seconds(record, contender, best) if seconds else record.steps_per_epoch
            x = _epochs(record, key, len(spread.median)) * unit
            lines.append(Line(position, contender.label, x, spread))
    return lines


def failures(record: ComparisonRecord) -> Iterator[str]:
    """Yield what went wrong, if anything did."""
    lost = without_result(record)
    if lost:
        yield "<h2>Failures</h2>"
        reasons = {label: escape(without_folders(reason)) for label, reason in lost}
        yield from definitions(reasons)


def _columns(record: ComparisonRecord, columns: Sequence[Column]) -> Iterator[str]:
    columns = worded(record, columns)
    rows = (
        (f"{swatch(i)}{escape(c.label)}", [column.text(c) for column in columns])
        for i, c in ranked(record)
    )
    return html_table(("Contender", *(column.title for column in columns)), rows)


def _loss(record, key, name, *, seconds=False) -> str | None:
    loss = loss_in_words(key)
    described = f"{loss} by {'seconds' if seconds else 'steps'}, at each best learning rate."
    labels = Labels("seconds of training" if seconds else "steps", loss, described.capitalize())
    target = record.target if key == "test_loss" else None
    return line_figure(
        lines_at_best(record, key, seconds=seconds), labels, name=name, target=target
    )


def _epochs(record, key, n):
    """Where each value belongs: a training loss is a mean over its epoch, hence at its middle."""
    epochs = np.arange(record.epochs + 1.0)[-n:]
    return epochs - 0.5 if key == "train_loss" else epochs


def _seconds(record, contender, best):
    """Return how long an epoch takes, whatever the rate."""
    alike = [run for run in contender.runs if run.values == best.values and not run.diverged]
    return float(np.median([run.seconds for run in alike])) / record.epochs
