"""Several comparisons on one page: places, performance profile, and a section for each."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ae_optax.lab._format import ABSENT, counted, hundredths, number
from ae_optax.lab.report import _html
from ae_optax.lab.report._page import sections
from ae_optax.lab.report._profile import profiles
from ae_optax.lab.report._record import with_result
from ae_optax.lab.report._run_record import labels_of
from ae_optax.lab.runs import ComparisonRecord, read_comparison, write_file


def write_joint_report(
    folders: Sequence[Path], path: Path, *, profile: Mapping[str, Any] | None
) -> None:
    """Write one page about several comparisons, each a workload.

    Args:
        folders: Their folders, each with ``comparison.json`` and ``images.npz``.
        path: The page, as HTML.
        profile: ``seconds`` and ``steps``, each a performance profile by contender; ``None`` for
            none, which is fair with fewer than three workloads.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a ``comparison.json`` is no record of a comparison.
    """
    records = [read_comparison(folder) for folder in folders]
    title = counted(len(records), "comparison")
    body = _body(title, labels_of(folders), records, folders, profile)
    write_file(path, _html.document(title, body))


def _body(title, labels, records, folders, profile) -> Iterator[str]:
    yield from _html.opening(title, labels)
    yield "<h2>Places</h2>"
    yield from _places(labels, records)
    if profile is not None:
        yield from profiles(profile)
    for number_of, (label, record, folder) in enumerate(
        zip(labels, records, folders, strict=True), start=1
    ):
        yield f"<h2>{escape(label)}</h2>"
        yield f'<p class="question">{escape(record.question.strip())}</p>'
        yield from _html.nested(sections(record, folder), f"w{number_of}")


def _places(labels: Sequence[str], records: Sequence[ComparisonRecord]) -> Iterator[str]:
    """Yield who came where at which workload, with the loss, best mean place first."""
    found = [{c.label: best for _, c, best in with_result(record)} for record in records]
    names = dict.fromkeys(c.label for record in records for c in record.contenders)
    means = {
        name: sum(place) / len(place)
        for name in names
        if (place := [row[name].rank.place for row in found if name in row])
    }
    complete = {name: all(name in row for row in found) for name in names}
    order = sorted(names, key=lambda name: (not complete[name], means.get(name, len(names))))
    rows = (
        (
            escape(name),
            [
                hundredths(means[name]) if complete[name] else ABSENT,
                *(_place(row.get(name)) for row in found),
            ],
        )
        for name in order
    )
    yield from _html.table(("Contender", "Mean place", *labels), rows)
    yield (
        '<p class="note">Place by median final test loss, with the loss in brackets; a dash where '
        "there is no result, and no mean then.</p>"
    )


def _place(best):
    if best is None:
        return ABSENT
    return f"{hundredths(best.rank.place)} ({number(best.final_test.median)})"
