"""The report of a training run."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ae_optax.lab._format import counted, duration, integer, number
from ae_optax.lab.figures import Labels, Line, Spread, line_figure
from ae_optax.lab.report import _html
from ae_optax.lab.report._behaviour import BEHAVIOUR, behaviour, measured
from ae_optax.lab.report._gallery import Exhibit, gallery, note_of, pictures_of
from ae_optax.lab.report._html import key_to
from ae_optax.lab.report._method import provenance
from ae_optax.lab.report._run_facts import (
    POINTS,
    changes_weights,
    data_name,
    final_loss,
    labels_of,
    line_of,
    loss_section,
    lowest,
)
from ae_optax.lab.runs import REPORT, DamagedError, Run, read_run, write_file

_PARTS = {"train_loss": "training", "validation_loss": "validation", "test_loss": "test"}


def write_run_report(folder: Path) -> Path:
    """Write the report of a training run into its folder.

    Reads the config, the summary, the logs and the pictures. The same files give the same report,
    to the byte.

    Args:
        folder: The run folder.

    Returns:
        The path of the report, ``report.html``: a static page without scripts, that loads
        nothing.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not hold what it should.
    """
    (label,) = labels_of([folder])
    path = folder / REPORT
    write_file(path, _html.document(label, _body(label, read_run(folder))))
    return path


def _body(label: str, run: Run) -> Iterator[str]:
    def lines_of(key: str) -> Sequence[Line]:
        line = line_of(run, key, position=0, label="")
        return [] if line is None else [line]

    facts = (
        data_name(run),
        counted(len(run.rows), "epoch"),
        run.summary.status,
    )
    yield from _html.opening(label, filter(None, facts))
    yield f'<p class="verdict">{escape(_conclusion(run))}</p>'
    yield from _losses(run)
    yield from _single_steps(run)
    yield from behaviour(lines_of)
    yield from measured(lines_of, run.rows[-1].metrics if run.rows else ())
    pictures, note = pictures_of(run)
    yield from filter(None, [note])
    if pictures:
        exhibit = Exhibit(0, "Output", number(final_loss(run)), pictures)
        yield from gallery(pictures["originals"], [exhibit], "the model at its last step")
    yield "<h2>Time and memory</h2>"
    yield from _html.definitions(cost(run))
    yield "<h2>Reproducibility</h2>"
    yield from provenance(run.summary, run.config)


def cost(run: Run) -> dict[str, str]:
    """Return what a run took, by name."""
    seconds, steps = sum(row.seconds for row in run.rows), run.rows[-1].step if run.rows else 0
    images = run.summary.data.train * len(run.rows) if run.summary.data else 0
    return {
        "Training": duration(seconds),
        "Steps per second": number(steps / seconds) if seconds else "",
        "Images per second": integer(images / seconds) if seconds and images else "",
        "Compilation": duration(run.summary.compile_seconds),
        "Parameters": integer(run.summary.parameters),
    }


def _conclusion(run):
    if run.summary.diverged:
        what = run.summary.fault or "a loss"
        return f"Diverged after {counted(len(run.rows), 'epoch')}: {what} not finite."
    last, best = run.last, lowest(run)
    if last is None:
        return "No epoch is done yet."
    said = f"Test loss {number(last.test_loss)} after {counted(last.step, 'step')}"
    if best is not None and best[1] != last.epoch:
        said += f"; the lowest, {number(best[0])}, was in epoch {best[1]}"
    if changes_weights(loss_section(run.config)):
        said += ". The weight of a term changed on the way, so losses of different epochs are not "
        said += "comparable: look at the terms themselves, among the metrics"
    return f"{said}."


def _single_steps(run: Run) -> Iterator[str]:
    drawings = []
    try:
        steps = run.steps
    except (OSError, DamagedError) as error:
        yield note_of("Single steps", error)
        return
    for key, label, log in (("loss", "loss of the batch", True), *BEHAVIOUR):
        if key in steps:
            thin = -(-len(steps["step"]) // POINTS)
            x, y = steps["step"][::thin].astype(float), steps[key][::thin]
            labels = Labels("steps", label, f"{label[0].upper()}{label[1:]}, by step.")
            line = Line(0, "", x, Spread(y, y, y))
            drawings.append(line_figure([line], labels, name=f"s{key}", log=log))
    found = [drawing for drawing in drawings if drawing is not None]
    if found:
        yield "<h2>Single steps</h2>"
        yield from _html.figures(found, "As they were recorded, one after every so many steps.")


def _losses(run: Run) -> Iterator[str]:
    drawings, names = [], {}
    for name, seconds in (("ls", False), ("lt", True)):
        found = (
            line_of(run, key, position=i, label=part, seconds=seconds)
            for i, (key, part) in enumerate(_PARTS.items())
        )
        unit = "seconds of training" if seconds else "steps"
        labels = Labels(unit, "loss", f"Losses by {unit}.")
        lines = [line for line in found if line is not None]
        names |= {line.position: line.label for line in lines}
        drawing = line_figure(lines, labels, name=name)
        if drawing is not None:
            drawings.append(drawing)
    if drawings:
        yield "<h2>Loss by step and by time</h2>"
        yield key_to(names.items())
        yield from _html.figures(
            drawings,
            "The training loss is the mean over each epoch, the others are measured after it; "
            "seconds are those of training and evaluation, compilation left out.",
        )
