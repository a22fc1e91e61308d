"""The report: one file, readable anywhere, that asks nothing of a network."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import numpy as np

from ae_optax.report import _method, _results
from ae_optax.report._format import counted, duration
from ae_optax.report._record import Record, read_record
from ae_optax.report._style import CSS
from ae_optax.report._verdict import remarks, verdict


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
    record = read_record(folder / "comparison.json")
    with np.load(folder / "images.npz") as images:
        pictures = dict(images)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8") if config.exists() else None
    path = folder / "report.html"
    path.write_text(_page(record, pictures, text), encoding="utf-8", newline="\n")
    return path


def _page(record: Record, images: Mapping[str, np.ndarray], config: str | None) -> str:
    body: Iterable[str] = (
        *_opening(record),
        *_results.table(record),
        *_results.sensitivity(record),
        *_results.curves(record),
        *_results.reconstructions(record, images),
        *_results.failures(record),
        *_method.method(record),
        *_method.reproducibility(record, config),
    )
    title = escape(record["title"])
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>\n{CSS}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>\n",
        )
    )


def _opening(record):
    data, n_runs = record["data"], sum(len(c["runs"]) for c in record["contenders"])
    facts = (
        data["name"],
        counted(len(record["contenders"]), "contender"),
        f"{counted(n_runs, 'run')} of {counted(record['epochs'], 'epoch')}",
        duration(record["wall_seconds"]),
        record["started"][:10],
    )
    yield f"<h1>{escape(record['title'])}</h1>"
    yield f'<p class="byline">{escape(" · ".join(facts))}</p>'
    if record["question"].strip():
        yield f'<p class="question">{escape(record["question"].strip())}</p>'
    yield f'<p class="verdict">{escape(verdict(record))}</p>'
    notes = remarks(record)
    if notes:
        yield '<ul class="remarks">'
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul>"
