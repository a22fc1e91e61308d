"""The report of a comparison: one file, readable anywhere, that asks nothing of a network."""

import functools
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import numpy as np

from ae_optax.lab._format import counted, duration, number
from ae_optax.lab.report import _html, _method, _results
from ae_optax.lab.report._behaviour import behaviour, measured
from ae_optax.lab.report._comparison_facts import with_result
from ae_optax.lab.report._gallery import exhibit, gallery, pictures_in
from ae_optax.lab.report._sentences import remarks, verdict
from ae_optax.lab.runs import (
    CONFIG,
    REPORT,
    ComparisonRecord,
    read_comparison,
    read_text,
    write_file,
)


def write_report(folder: Path) -> Path:
    """Write the report of a comparison into its run folder.

    Reads ``comparison.json`` and ``images.npz``, and ``config.yaml`` where there is one. The same
    files give the same report, to the byte.

    Args:
        folder: The run folder.

    Returns:
        The path of the report, ``report.html``: a static page without scripts, that loads
        nothing.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If ``comparison.json`` is no record of a comparison.
    """
    record = read_comparison(folder)
    title, _ = title_and_rest(record)
    page = _html.document(title, [*_opening(record), *sections(record, folder)])
    path = folder / REPORT
    write_file(path, page)
    return path


def title_and_rest(record: ComparisonRecord) -> tuple[str, str]:
    """Return the question that the config asks, or its name, and what else it says at its head.

    Both without the folders of paths.
    """
    said = _html.without_folders(record.question.strip())
    first, _, rest = said.partition("\n")
    question = first.removeprefix("Question:").strip()
    asked = first.startswith("Question:") and question
    return (question, rest.strip()) if asked else (record.title, said)


def sections(record: ComparisonRecord, folder: Path) -> Iterator[str]:
    """Yield what there is to say of a comparison, from its verdict to how to repeat it.

    Args:
        record: The comparison.
        folder: Its run folder, with ``images.npz`` and perhaps ``config.yaml``.
    """
    (images, note), config = pictures_in(folder), folder / CONFIG
    text = read_text(config) if config.exists() else None
    lines_of = functools.partial(_results.lines_at_best, record)
    yield from _conclusion(record)
    yield from _results.table(record)
    yield from _results.sensitivity(record)
    yield from _results.curves(record)
    yield from behaviour(lines_of)
    yield from measured(lines_of, _recorded(record))
    yield from filter(None, [note])
    if images:
        yield from _gallery(record, images)
    yield from _results.cost(record)
    yield from _results.failures(record)
    yield from _method.method(record)
    yield from _method.reproducibility(record, text)


def _opening(record):
    data, n_runs = record.data, sum(len(c.runs) for c in record.contenders)
    facts = (
        data.name,
        counted(len(record.contenders), "contender"),
        f"{counted(n_runs, 'run')} of {counted(record.epochs, 'epoch')}",
        duration(record.wall_seconds),
        record.started[:10],
    )
    title, rest = title_and_rest(record)
    facts = facts if title == record.title else (record.title, *facts)
    yield from _html.opening(title, facts)
    if rest:
        yield f'<p class="question">{escape(rest)}</p>'


def _conclusion(record):
    yield f'<p class="verdict">{escape(verdict(record))}</p>'
    notes = remarks(record)
    if notes:
        yield '<ul class="remarks">'
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul>"


def _gallery(record: ComparisonRecord, images: Mapping[str, np.ndarray]) -> Iterator[str]:
    exhibits = [
        exhibit(i, c.label, number(best.final_test.median), images)
        for i, c, best in with_result(record)
    ]
    whose = "each contender at its best learning rate, first seed; below its name, its median loss"
    return gallery(images["originals"], exhibits, whose)


def _recorded(record):
    """Return the names of all numbers recorded, in their order."""
    runs = (run for contender in record.contenders for run in contender.runs)
    return next((list(run.rows) for run in runs), [])
