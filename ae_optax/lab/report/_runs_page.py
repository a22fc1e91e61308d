"""Several training runs on one page."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab._format import ABSENT, counted, integer, number
from ae_optax.lab.figures import Labels, Line, line_figure
from ae_optax.lab.report import _html
from ae_optax.lab.report._behaviour import behaviour, measured
from ae_optax.lab.report._gallery import Exhibit, gallery, pictures_of
from ae_optax.lab.report._html import key_to, swatch, without_folders
from ae_optax.lab.report._method import provenance
from ae_optax.lab.report._run_facts import (
    data_name,
    final_loss,
    labels_of,
    line_of,
    lowest,
    measured_by,
)
from ae_optax.lab.report._run_page import cost
from ae_optax.lab.runs import Run, read_run, write_file

_HEADS = (
    "Run", "Final test loss", "Lowest test loss", "In epoch", "Epochs", "Steps per second",
    "Parameters", "Status",
)  # fmt: skip


MOST = 20
"""Runs of which there are figures, images and configs; the table has all of them."""


def write_runs_report(folders: Sequence[Path], path: Path) -> None:
    """Write one page about several training runs.

    Args:
        folders: Their folders, each with ``metrics.jsonl``, ``summary.json``, ``images.npz`` and
            ``config.yaml``.
        path: The page, as HTML.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not hold what it should.
    """
    runs = [_Shown(*pair) for pair in zip(labels_of(folders), map(read_run, folders), strict=True)]
    title = counted(len(runs), "training run")
    write_file(path, _html.document(title, _body(title, runs)))


class _Shown(NamedTuple):
    label: str
    run: Run


def _body(title, runs: Sequence[_Shown]) -> Iterator[str]:
    alike: dict[tuple[str, str], list[int]] = {}
    for i in sorted(range(len(runs)), key=lambda i: _final(runs[i].run)):
        alike.setdefault(measured_by(runs[i].run), []).append(i)
    order = [i for group in alike.values() for i in group]
    shown = {i: position for position, i in enumerate(order[:MOST])}

    def drawn(group: Sequence[int]) -> Callable[..., Sequence[Line]]:
        def lines_of(key: str, *, seconds: bool = False) -> Sequence[Line]:
            found = (
                line_of(runs[i].run, key, position=shown[i], label=runs[i].label, seconds=seconds)
                for i in group
                if i in shown
            )
            return [line for line in found if line is not None]

        return lines_of

    yield from _html.opening(title, sorted({data_name(run) for _, run in runs}))
    yield "<h2>Verdict</h2>"
    heads = [
        [f"<h3>{escape(_what(runs[group[0]].run, loss))}</h3>"] if len(alike) > 1 else []
        for (_, loss), group in alike.items()
    ]
    for head, group in zip(heads, alike.values(), strict=True):
        yield from head
        names = ((swatch(shown[i]) if i in shown else "") + escape(runs[i].label) for i in group)
        cells = (_cells(runs[i].run) for i in group)
        yield from _html.table(_HEADS, zip(names, cells, strict=True))
    if len(alike) > 1:
        yield '<p class="note">Runs of different losses or data are not ranked together.</p>'
    yield (
        '<p class="note">One run each: what sets two runs apart may be their seeds. Compare '
        "contenders over several seeds with <code>ae-optax compare</code>.</p>"
    )
    if len(order) > MOST:
        yield f'<p class="note">What follows is of the first {MOST}.</p>'
    figures = [list(_losses(drawn(group), f"l{i}x")) for i, group in enumerate(alike.values())]
    if any(figures):
        yield "<h2>Loss by step and by time</h2>"
    for head, figure in zip(heads, figures, strict=True):
        yield from (*head, *figure) if figure else ()
    yield from behaviour(drawn([*shown]))
    names = {name: None for _, run in runs for row in run.rows for name in row.metrics}
    yield from measured(drawn([*shown]), names)
    yield from _images([(position, *runs[i]) for i, position in shown.items()])
    yield from _differences([runs[i] for i in sorted(shown)])
    yield "<h2>Reproducibility</h2>"
    for i in shown:
        yield f"<h3>{escape(runs[i].label)}</h3>"
        yield from provenance(runs[i].run.summary, runs[i].run.config)


def _final(run):
    loss = final_loss(run)
    return np.inf if loss is None else loss


def _cells(run):
    best = lowest(run) or (None, None)
    return (
        number(final_loss(run)),
        number(best[0]),
        integer(best[1]),
        integer(len(run.rows)),
        cost(run)["Steps per second"] or ABSENT,
        cost(run)["Parameters"],
        run.summary.status,
    )


def _what(run, loss):
    return ", ".join(filter(None, (data_name(run), loss)))


def _losses(lines_of, name) -> Iterator[str]:
    wanted = (
        ("test_loss", "test loss", False),
        ("test_loss", "test loss", True),
        ("train_loss", "training loss", False),
        ("validation_loss", "validation loss", False),
    )
    drawings, names = [], {}
    for number_of, (key, label, seconds) in enumerate(wanted):
        unit = "seconds of training" if seconds else "steps"
        labels = Labels(unit, label, f"{label.capitalize()} by {unit}, for each run.")
        lines = lines_of(key, seconds=seconds)
        drawing = line_figure(lines, labels, name=f"{name}{number_of}")
        if drawing is not None:
            drawings.append(drawing)
            names |= {line.position: line.label for line in lines}
    if drawings:
        yield key_to(names.items())
        yield from _html.figures(
            drawings,
            "The training loss is the mean over each epoch, the others are measured after it; "
            "seconds are those of training and evaluation, compilation left out.",
        )


def _images(runs) -> Iterator[str]:
    """Yield the images of the runs that show the same ones as the best."""
    found = [(i, label, run, its) for i, label, run in runs if (its := pictures_of(run)[0])]
    if not found:
        return iter(())
    originals = found[0][-1]["originals"]
    exhibits = [
        Exhibit(i, label, number(final_loss(run)), its)
        for i, label, run, its in found
        if np.array_equal(its["originals"], originals)
    ]
    return gallery(originals, exhibits, "each model at its last step")


def _differences(runs: Sequence[_Shown]) -> Iterator[str]:
    first, *others = runs
    yield "<h2>How their configs differ</h2>"
    for other in others:
        lines = difflib.unified_diff(
            first.run.config.splitlines(), other.run.config.splitlines(),
            first.label, other.label, n=0, lineterm="",
        )  # fmt: skip
        told = [without_folders(line) for line in lines if not line.startswith("@@")]
        yield f"<pre>{escape(chr(10).join(told) or f'{other.label}: as {first.label}')}</pre>"
